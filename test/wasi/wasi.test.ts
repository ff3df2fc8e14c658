// The WASI module gives the bits of this package in Node: embeddings of texts from all over Unicode and of pictures, and
// scores, in every host and from packed files of every kind.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { WEIGHT_DTYPES, type WeightDtype } from '../../src/host/checkpoint/formats.ts';
import { RawImage } from '../../src/host/image.ts';
import { Random, random_text } from '../processor/random.ts';
import { packed } from '../support/packed.ts';
import { HOSTS, new_folder, objects, run_in, type Ended, type Run } from './hosts.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

interface Embedded {
  readonly text?: string;
  readonly image?: string;
  readonly embedding: number[];
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const MODEL = `${root}weights/checkpoint`;
const folder = new_folder();
const LABELS = ['a sailboat', 'a dog', 'scissors, "sharp"', 'Ünïcödé'];
const random = new Random(7);
/** What an argument can hold: no NUL. */
const texts = [
  '',
  'A Photo of   a DOG!',
  'e\u0301 \u200b \ufeff \u00ad \ud83d\ude00 [MASK] [SEP]',
  ...Array.from({ length: 97 }, () => random_text(random).replaceAll('\0', ' ')),
];
/** Names of PPM files in the folder, and the same pictures for Node. */
const pictures = new Map<string, RawImage>();

function sha256(embeddings: readonly Float32Array[]): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of embeddings)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

function ppm({ width, height, data }: RawImage): Buffer {
  return Buffer.concat([Buffer.from(`P6\n# a comment\n${width} ${height}\n255\n`), data]);
}

/** A picture of noise and slopes. */
function made_up(width: number, height: number): RawImage {
  const noise = new Random(width * 1000 + height);
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i >> 3) + (noise.number() >>> 27));
  return new RawImage(data, width, height, 3);
}

function embed_args(model: string): string[] {
  return [
    'embed',
    '--json',
    '--model',
    model,
    ...texts.map((text) => `--text=${text}`),
    '--image',
    ...pictures.keys(),
  ];
}

function classify_args(model: string, scores: string): string[] {
  const labels = ['--labels-file', 'labels', '--template', '{}: an icon of {}'];
  return [
    'classify',
    '--json',
    '--model',
    model,
    '--image',
    ...pictures.keys(),
    ...labels,
    '--scores',
    scores,
  ];
}

/** What Node makes of the same, from the bytes of a packed file. */
async function expected(file: Uint8Array): Promise<{ digests: string[]; scores: Record<string, unknown> }> {
  const align = await Align.load(file);
  const images = [...pictures.values()];
  const scores: Record<string, unknown> = {};
  const set = await align.label_set(LABELS, { hypothesis_template: '{}: an icon of {}' });
  for (const kind of ['softmax', 'cosine', 'logits'] as const)
    scores[kind] = await align.classify(images, set, { scores: kind });
  const digests = [sha256(await align.embed_text(texts)), sha256(await align.embed_image(images))];
  align.dispose();
  return { digests, scores };
}

function digests_of(ended: Ended): string[] {
  const found = objects<Embedded>(ended);
  expect(found.flatMap(({ text }) => text ?? [])).toEqual(texts);
  expect(found.flatMap(({ image }) => image ?? [])).toEqual([...pictures.keys()]);
  const of = (key: 'text' | 'image'): string =>
    sha256(found.filter((one) => key in one).map(({ embedding }) => Float32Array.from(embedding)));
  return [of('text'), of('image')];
}

beforeAll(async () => {
  for (const name of readdirSync(`${root}examples/pictures`).filter((file) => file.endsWith('.png')))
    pictures.set(
      name.replace('png', 'ppm'),
      await RawImage.read(readFileSync(`${root}examples/pictures/${name}`), { background: [255, 255, 255] }),
    );
  for (const [width, height] of [
    [1, 1],
    [48, 48],
    [7, 301],
    [500, 3],
    [131, 97],
  ] as const)
    pictures.set(`${width}x${height}.ppm`, made_up(width, height));
  for (const [name, image] of pictures) writeFileSync(join(folder, name), ppm(image));
  writeFileSync(join(folder, 'labels'), `\ufeff${LABELS.join('\r\n\n  ')}`);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe.each(['fp32', 'q8'] as const)('%s gives the bits of Node', (dtype) => {
  let wanted: Awaited<ReturnType<typeof expected>>;
  beforeAll(async () => {
    const file = await packed(MODEL, { dtype });
    writeFileSync(join(folder, dtype), file);
    wanted = await expected(file);
  });

  test.each(Object.keys(HOSTS))('in %s', (host) => {
    const kinds = ['softmax', 'cosine', 'logits'];
    const runs: Run[] = [embed_args(dtype), ...kinds.map((kind) => classify_args(dtype, kind))].map(
      (args) => ({ args }),
    );
    const [embedded, ...classified] = run_in(host, folder, runs);
    expect(digests_of(embedded!)).toEqual(wanted.digests);
    for (const [i, kind] of kinds.entries())
      expect(objects<{ scores: unknown }>(classified[i]!).map(({ scores }) => scores)).toEqual(
        wanted.scores[kind],
      );
  });
});

test.each(WEIGHT_DTYPES.filter((dtype) => dtype !== 'fp32' && dtype !== 'q8'))(
  'so does %s',
  async (dtype: WeightDtype) => {
    const file = await packed(MODEL, { dtype });
    writeFileSync(join(folder, dtype), file);
    const [ended] = run_in('this Node', folder, [{ args: embed_args(dtype) }]);
    expect(digests_of(ended!)).toEqual((await expected(file)).digests);
  },
);

type Edit = Readonly<Record<string, (json: Record<string, object>) => unknown>>;

/** The embedded model, packed, after its JSON files went through `edit`: null takes one out. */
async function edited(edit: Edit): Promise<Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const name of readdirSync(MODEL)) files[name] = readFileSync(join(MODEL, name));
  for (const [name, change] of Object.entries(edit)) {
    const own = files[name]
      ? (JSON.parse(Buffer.from(files[name]).toString()) as Record<string, object>)
      : {};
    const changed = change(own);
    if (changed === null) Reflect.deleteProperty(files, name);
    else files[name] = Buffer.from(JSON.stringify(changed));
  }
  return packed(files, { dtype: 'q8' });
}

const image = (flags: object): Edit => ({
  'processor_config.json': (json) => ({
    ...json,
    image_processor: { ...json['image_processor'], ...flags },
  }),
});
const tokens = (flags: object): Edit => ({ 'tokenizer_config.json': (json) => ({ ...json, ...flags }) });
const tokenizer = (flags: object): Edit => ({ 'tokenizer.json': (json) => ({ ...json, ...flags }) });

/** Settings that the embedded model does not have. */
const SETTINGS: Readonly<Record<string, Edit>> = {
  'the defaults of the class': image(
    Object.fromEntries(
      [
        'size',
        'crop_size',
        'do_normalize',
        'do_rescale',
        'rescale_factor',
        'rescale_offset',
        'include_top',
        'image_mean',
        'image_std',
        'resample',
      ].map((key) => [key, null]),
    ),
  ),
  'another mean and deviation for each channel': image({
    do_normalize: true,
    include_top: true,
    image_mean: [0.485, 0.456, 0.40600000000000003],
    image_std: [0.47853944, 0.4732864, 0.47434163],
    rescale_factor: 0.0039215686274509803,
  }),
  'one mean, no scaling': image({
    do_normalize: true,
    do_rescale: false,
    image_mean: 127.5,
    image_std: 63.123456789012345,
  }),
  'a shortest edge and a crop': image({
    size: { shortest_edge: 64 },
    do_center_crop: true,
    crop_size: 56,
    resample: 3,
  }),
  'a crop larger than the picture': image({
    size: [40, 30],
    do_center_crop: true,
    crop_size: { height: 49, width: 51 },
    resample: 1,
  }),
  'no resizing, a crop': image({ do_resize: false, do_center_crop: true }),
  'both edges': image({ size: { shortest_edge: 50, longest_edge: 61 }, resample: 4, do_center_crop: true }),
  'the most height and width': image({
    size: { max_height: 70, max_width: 40 },
    resample: 5,
    do_center_crop: true,
  }),
  nearest: image({ resample: 0 }),
  'preprocessor_config.json': {
    'processor_config.json': () => null,
    'preprocessor_config.json': (json) => ({ ...json, size: 64 }),
  },
  'accents and capitals kept': tokens({ do_lower_case: false, strip_accents: false }),
  'capitals kept, accents by that': { ...tokens({ do_lower_case: false }) },
  'no spaces around Chinese': tokens({ tokenize_chinese_chars: false }),
  truncation: tokens({ truncation: true, max_length: 7 }),
  'truncation on the left': tokens({ truncation: 'longest_first', truncation_side: 'left', max_length: 5 }),
  'truncation by tokenizer.json': { ...tokens({ truncation: true }) },
  'no special tokens around, but the text': tokens({
    add_special_tokens: false,
    extra_special_tokens: ['e', 'the'],
  }),
  'added tokens': tokens({
    added_tokens_decoder: {
      0: { content: '[PAD]', special: true },
      7: { content: 'an', single_word: true, lstrip: true, rstrip: true },
      4: { content: '\u00e9\ud83d\ude00', normalized: true },
      1: { content: '[UNK]', special: true },
      12: { content: 'photo of', normalized: false },
    },
    additional_special_tokens: [{ content: 'cat', rstrip: true }],
    cls_token: { content: 'cat', special: true },
    mask_token: null,
  }),
  'tokens named by the older files': {
    'special_tokens_map.json': () => ({ cls_token: { content: '[MASK]' }, mask_token: 'dog' }),
    'added_tokens.json': () => ({ dog: 4999, below: 3 }),
  },
  'vocab.txt': { ...tokens({ do_lower_case: false }), 'tokenizer.json': () => null },
  'tokenizer.json as it stands': {
    ...tokens({ tokenizer_class: 'PreTrainedTokenizerFast' }),
    ...tokenizer({
      normalizer: null,
      post_processor: { type: 'BertProcessing', sep: ['[MASK]', 4], cls: ['[PAD]', 0] },
    }),
  },
  'a template of its own': {
    ...tokens({ tokenizer_class: 'TokenizersBackend' }),
    ...tokenizer({
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ Sequence: { id: 'A', type_id: 1 } }, { SpecialToken: { id: 'x', type_id: 0 } }],
        pair: [],
        special_tokens: { x: { id: 'x', ids: [9, 11], tokens: ['x', 'y'] } },
      },
    }),
  },
  'no post-processor': {
    ...tokens({ tokenizer_class: 'TokenizersBackend' }),
    ...tokenizer({ post_processor: null }),
  },
  'numbers with all their digits': {
    'config.json': (json) => ({
      ...json,
      text_config: { ...json['text_config'], layer_norm_eps: 1.2345678901234567e-12 },
      vision_config: { ...json['vision_config'], batch_norm_eps: 0.0010000000474974513 },
    }),
  },
};

test('other settings of tokenizer and image processor mean the same', async () => {
  const names = Object.keys(SETTINGS);
  // No text is empty: without special tokens it has no embedding.
  const some = texts.filter((text) => text.length < 12).map((text) => `dog ${text}`);
  const images = [...pictures].filter(
    ([, { width, height }]) => Math.max(width, height) < 3 * Math.min(width, height),
  );
  const files = await Promise.all(names.map((name) => edited(SETTINGS[name]!)));
  const runs: Run[] = files.map((file, i) => {
    writeFileSync(join(folder, `settings-${i}`), file);
    const inputs = [...some.map((text) => `--text=${text}`), '--image', ...images.map(([name]) => name)];
    return { args: ['embed', '--json', '--model', `settings-${i}`, ...inputs] };
  });
  const ended = run_in('this Node', folder, runs);
  const distinct = new Set<string>();
  for (const [i, name] of names.entries()) {
    const align = await Align.load(files[i]);
    const all: Float32Array[] = [];
    for (const text of some) all.push(await align.embed_text(text));
    for (const [, picture] of images) all.push(await align.embed_image(picture));
    align.dispose();
    const wanted = sha256(all);
    distinct.add(wanted);
    const actual = objects<Embedded>(ended[i]!).map(({ embedding }) => Float32Array.from(embedding));
    expect([name, sha256(actual)]).toEqual([name, wanted]);
  }
  // Three come to what another one says: vocab.txt, a limit no text reaches, digits that f32 drops.
  expect(distinct.size).toBe(names.length - 3);
});
