// The files that every runtime gets, in one blob.

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pack, type File } from './blob.ts';
import { packed } from '../support/packed.ts';
import { all_kinds } from '../support/png.ts';
import { pictures } from '../processor/pictures.ts';
import { Random, SPECIAL, golden, picture, random_text, wide_vocabulary } from '../processor/random.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Golden models whose forward passes are compared: odd sizes and a NaN, and every activation. */
function golden_folders(): string[] {
  const all = readdirSync(`${root}test/golden`);
  return ['tiny', 'odd', 'gray', ...all.filter((name) => name.startsWith('act-'))].map(
    (name) => `test/golden/${name}`,
  );
}

function json(name: string, value: unknown): File {
  return [`goldens/${name}.json`, Buffer.from(JSON.stringify(value))];
}

/** The golden texts, their vocabulary and the settings of the normalizer. */
function texts(): File[] {
  const { runs } = golden<{ runs: { normalizer: object }[] }>('texts');
  const random = new Random(2);
  return [
    json('texts', {
      vocab: Object.fromEntries(wide_vocabulary()),
      added_tokens: SPECIAL.map((content, id) => ({ id, content, special: true, normalized: false })),
      texts: Array.from({ length: 20_000 }, () => random_text(random)),
      normalizers: runs.map(({ normalizer }) => normalizer),
    }),
  ];
}

/** The golden PNGs. */
function pngs(): File[] {
  const { ground, cases } = golden<{ ground: number[]; cases: [...unknown[]][] }>('png');
  const files = cases.map((item, i): File => [`goldens/png/${i}`, Buffer.from(item[3] as string, 'base64')]);
  return [json('png', { ground, count: cases.length }), ...files];
}

/** The golden files of a kind, those that are refused too. */
function photos(kind: string): File[] {
  const cases = pictures(kind);
  const files = cases.map(({ file }, i): File => [`goldens/${kind}/${i}`, file]);
  return [json(kind, { count: cases.length }), ...files];
}

/** The golden combinations of an image processor's flags, and the golden sizes and filters of resizing. */
function pixels(): File[] {
  const files: File[] = [];
  const add = (random: Random, width: number, height: number, channels: number): object => {
    const file = `goldens/pixels/${files.length}`;
    files.push([file, picture(random, width, height, channels)]);
    return { file, width, height, channels };
  };
  type Flags = [config: object, channels: number, sizes: [number, number][]];
  const flags = golden<Flags[]>('image_processor').map(([config, channels, sizes], i) => {
    const random = new Random(1000 + i);
    return { config, images: sizes.map(([width, height]) => add(random, width, height, channels)) };
  });
  type Sizes = [width: number, height: number, channels: number, to: number, high: number, filter: number];
  const random = new Random(4);
  const sizes = golden<Sizes[]>('resize').map(([from, high_from, channels, width, height, resample]) => {
    // The golden's sizes were drawn between the pictures.
    const most = random.choice([4, 20, 100, 260]);
    for (let i = 0; i < 4; i++) random.below(most);
    for (let i = 0; i < 2; i++) random.chance(15);
    random.choice([1, 2, 3, 3, 3, 4]);
    const config = {
      size: { height, width },
      resample,
      do_rescale: false,
      do_normalize: false,
      include_top: false,
    };
    return { config, images: [add(random, from, high_from, channels)] };
  });
  return [json('pixels', { 'combinations of flags': flags, 'sizes and filters': sizes }), ...files];
}

/** One small PNG of each kind. */
function kinds(): File[] {
  return Array.from(all_kinds(), ([kind, png]): File => [`test/kinds/${kind}.png`, png]);
}

/** PNGs for bitmap.html: a browser rounds samples of 16 bits in its own way, so none of these. */
export function bitmap_blob(): Buffer {
  const shown: File = ['examples/sailboat.png', readFileSync(`${root}examples/pictures/sailboat.png`)];
  return pack([shown, ...kinds().filter(([name]) => !name.includes('-16'))]);
}

/** What the embedded model was made of, packed in 4 bits. */
const packed_model: File = [
  'packed/q4.safetensors',
  await packed(new URL('../../weights/checkpoint/', import.meta.url), { dtype: 'q4' }),
];

/** Everything; JPEG and WebP files only on request, as their decoders are files too. */
export function files_blob(with_photos: boolean): Buffer {
  const folders = ['weights/align-icons', ...golden_folders(), 'examples/pictures'];
  const stored = folders
    .flatMap((folder) => readdirSync(root + folder).map((name) => `${folder}/${name}`))
    .map((name): File => [name, readFileSync(root + name)]);
  const wasm: File = ['align.wasm', readFileSync(`${root}test/node_modules/align-wasm/dist/align.wasm`)];
  const made = with_photos ? [...photos('jpeg'), ...photos('webp')] : [];
  return pack([...stored, wasm, packed_model, ...kinds(), ...texts(), ...pngs(), ...made, ...pixels()]);
}
