// What is compared with Python: each subject gives what is wrong with a case of test/golden/stream.py, or null.

import { AlignError } from '../../src/host/errors.ts';
import { RawImage } from '../../src/host/image.ts';
import { platform } from '../../src/host/platform/node.ts';
import { EfficientNetImageProcessor } from '../../src/host/processor/image_processor.ts';
import { Resizer } from '../../src/host/processor/resize.ts';
import { WordPiece, type BertNormalizer } from '../../src/host/processor/wordpiece.ts';
import { outcome, type Result } from '../processor/pictures.ts';
import { SPECIAL, digest, golden, wide_vocabulary } from '../processor/random.ts';

/** What is wrong with a case, a line of JSON; null where both give the same. */
export type Compare = (line: string) => Promise<string | null>;

export interface Subject {
  readonly name: string;
  /** Cases of a release. */
  readonly count: number;
  readonly open: () => Promise<Compare>;
}

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the case
const parse = <T>(line: string): T => JSON.parse(line) as T;
const bytes_of = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'base64'));

/** Null where two JSON values are the same, otherwise both. */
function difference(what: string, ours: unknown, python: unknown): string | null {
  const [own, other] = [JSON.stringify(ours), JSON.stringify(python)];
  return own === other ? null : `${what}: ${own}, Python ${other}`;
}

async function texts(): Promise<Compare> {
  const { runs } = golden<{ runs: { normalizer: BertNormalizer }[] }>('texts');
  const vocab = wide_vocabulary();
  const added_tokens = SPECIAL.map((content, id) => ({
    ...{ id, content, special: true, normalized: false, lstrip: false, rstrip: false, single_word: false },
  }));
  const module = await platform.wasm('exact');
  const tokenizers = runs.map(
    ({ normalizer }) =>
      new WordPiece(module, {
        ...{ vocab, unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
        ...{ normalizer, added_tokens },
      }),
  );
  return (line) => {
    const [text, python] = parse<[string, string]>(line);
    const parts = tokenizers.flatMap((core) => [
      new Uint8Array(core.encode(text).buffer),
      core.normalize(text),
    ]);
    return Promise.resolve(difference(JSON.stringify(text), digest(...parts), python));
  };
}

type Shape = [
  ...[width: number, height: number, channels: number, to_width: number, to_height: number],
  ...[filter: number, result: string],
];

async function resizes(): Promise<Compare> {
  const resizer = new Resizer(await platform.wasm('exact'));
  return (line) => {
    const [samples, shape] = parse<[string, Shape]>(line);
    const [width, height, channels, to_width, to_height, filter, python] = shape;
    const image = { data: bytes_of(samples), width, height, channels };
    const ours = digest(resizer.resize(image, to_width, to_height, filter));
    return Promise.resolve(difference(JSON.stringify(shape), ours, python));
  };
}

type Flags = [object, number, [number, number][], number[] | null, string | null];

function image_processors(): Promise<Compare> {
  return Promise.resolve(async (line) => {
    const [samples, [config, channels, sizes, dims, values]] = parse<[string[], Flags]>(line);
    const processor = await EfficientNetImageProcessor.from_pretrained({
      'preprocessor_config.json': config,
    });
    const images = sizes.map(([width, height], i) => ({
      ...{ data: bytes_of(samples[i]!), width, height, channels },
    }));
    const ours = await processor
      .call(images, { do_convert_rgb: false })
      .then(
        ({ pixel_values }) => [pixel_values.dims, digest(new Uint8Array(pixel_values.data.buffer))],
        code_of,
      );
    return difference(
      JSON.stringify([config, sizes]),
      ours,
      dims === null ? 'invalid_argument' : [dims, values],
    );
  });
}

function code_of(error: unknown): string {
  if (error instanceof AlignError) return error.code;
  throw error;
}

type Png = [number, number, boolean, string, number, number, string, string | null];

function pngs(): Promise<Compare> {
  const { ground } = golden<{ ground: [number, number, number] }>('png');
  return Promise.resolve(async (line) => {
    const [colour, depth, interlaced, base64, width, height, rgb, laid] = parse<Png>(line);
    const file = bytes_of(base64);
    const ours = [await outcome(file)];
    const python = [[width, height, rgb] as Result];
    if (laid !== null) {
      const { data } = await RawImage.read(file, { background: ground });
      ours.push([width, height, digest(data)]);
      python.push([width, height, laid]);
    }
    return difference(`colour type ${colour}, ${depth} bits, interlaced: ${interlaced}`, ours, python);
  });
}

function jpegs(): Promise<Compare> {
  return Promise.resolve(async (line) => {
    const [name, base64, python, change] = parse<[string, string, Result | null, string | null]>(line);
    const ours = await outcome(bytes_of(base64));
    // Pillow fills half a picture up with grey, and smooths one whose last scans are missing.
    if (change === 'cut') return typeof ours === 'string' ? null : `${name}, cut, is read`;
    if (change === 'unfinished' && ours === 'unsupported_image') return null;
    return difference(`${name}, ${change ?? 'whole'}`, typeof ours === 'string' ? null : ours, python);
  });
}

export const SUBJECTS: readonly Subject[] = [
  { name: 'texts', count: 5_000_000, open: texts },
  { name: 'resizes', count: 20_000, open: resizes },
  { name: 'image_processors', count: 20_000, open: image_processors },
  { name: 'pngs', count: 5_000, open: pngs },
  { name: 'jpegs', count: 5_000, open: jpegs },
];
