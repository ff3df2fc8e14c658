// Packed files with one thing wrong: each is refused at once, by a code and by the name of what is wrong.

import { beforeAll, describe, expect, test } from 'vitest';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../../src/host/models.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { golden, golden_files } from '../support/edited_checkpoint.ts';
import { packed, with_blocks, with_header, type EditableHeader } from '../support/packed.ts';

type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };

const TABLE = 'text_model.embeddings.word_embeddings';
const DENSE = 'text_model.encoder.layer.0.intermediate.dense';
const TAPS = 'vision_model.encoder.blocks.0.depthwise_conv.depthwise_conv';

let whole: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  whole = await packed(golden('odd'), { dtype: 'q8' });
});

const meta = (edit: (metadata: Record<string, string>) => void) => (): Uint8Array =>
  with_header(whole, ({ __metadata__ }) => edit(__metadata__));
const set = (key: string, value: string): (() => Uint8Array) => meta((m) => (m[key] = value));
const without = (key: string): (() => Uint8Array) => meta((m) => void Reflect.deleteProperty(m, key));
const formats = (edit: (formats: Record<string, unknown>) => void): (() => Uint8Array) =>
  meta((m) => {
    const parsed = JSON.parse(m.formats!) as Record<string, unknown>;
    edit(parsed);
    m.formats = JSON.stringify(parsed);
  });
const header = (edit: (header: EditableHeader) => void) => (): Uint8Array => with_header(whole, edit);
const block = (name: string, change: (bytes: Uint8Array) => Uint8Array | null) => (): Uint8Array =>
  with_blocks(whole, (other, bytes) => (other === name ? change(bytes) : bytes));
const config = (change: (config: { text_config: Record<string, unknown>; [key: string]: unknown }) => void) =>
  block('files/config.json', (bytes) => {
    const parsed = JSON.parse(new TextDecoder().decode(bytes)) as { text_config: Record<string, unknown> };
    change(parsed);
    return new TextEncoder().encode(JSON.stringify(parsed));
  });

const cases: Record<string, [make: () => Uint8Array, code: string, message: string | RegExp]> = {
  'a later version': [set('version', '2'), 'unsupported_config', 'version "2", this package reads version 1'],
  'no version': [without('version'), 'unsupported_config', 'in no version'],
  'a version that only looks like ours': [set('version', '1.0'), 'unsupported_config', '"1.0"'],
  'an unknown dtype': [set('dtype', 'q2'), 'corrupt_checkpoint', 'dtype in its metadata is "q2"'],
  'no dtype': [without('dtype'), 'corrupt_checkpoint', 'dtype in its metadata is undefined'],
  'unknown towers': [set('towers', 'audio'), 'corrupt_checkpoint', 'towers in its metadata is "audio"'],
  'no towers': [without('towers'), 'corrupt_checkpoint', 'towers'],
  'no formats': [without('formats'), 'corrupt_checkpoint', 'formats is not valid JSON'],
  'formats that are no JSON': [set('formats', '{"a": q8}'), 'corrupt_checkpoint', 'column 7'],
  'formats that are a list': [set('formats', '["q8"]'), 'corrupt_checkpoint', 'object is expected'],
  'an unknown format': [formats((f) => (f[DENSE] = 'q5')), 'corrupt_checkpoint', /intermediate\.dense.*"q5"/],
  'a format that is a number': [formats((f) => (f[DENSE] = 3)), 'corrupt_checkpoint', /unknown format 3/],
  'a format of the prototype': [
    formats((f) => (f[DENSE] = 'toString')),
    'corrupt_checkpoint',
    /unknown format "toString"/,
  ],
  'a block without a format': [
    formats((f) => void Reflect.deleteProperty(f, DENSE)),
    'corrupt_checkpoint',
    /intermediate\.dense" has no format/,
  ],
  'a format that its op does not read': [
    formats((f) => (f[TAPS] = 'q8')),
    'corrupt_checkpoint',
    /depthwise_conv" is stored as q8, which no kernel reads/,
  ],
  'a table with 8-bit activations': [formats((f) => (f[TABLE] = 'q8d')), 'corrupt_checkpoint', 'q8d'],
  'a format of another size than the block': [
    formats((f) => (f[DENSE] = 'f32')),
    'shape_mismatch',
    /as f32 the config asks for/,
  ],
  'a block that is missing': [block(DENSE, () => null), 'missing_tensor', DENSE],
  'a block that is missing, its format too': [
    () =>
      with_header(block(DENSE, () => null)(), ({ __metadata__ }) => {
        const parsed = JSON.parse(__metadata__.formats!) as Record<string, string>;
        Reflect.deleteProperty(parsed, DENSE);
        __metadata__.formats = JSON.stringify(parsed);
      }),
    'missing_tensor',
    DENSE,
  ],
  'a block cut short': [block(DENSE, (bytes) => bytes.slice(16)), 'shape_mismatch', /dense" has \d+ bytes/],
  'a block that is too long': [
    block(DENSE, (bytes) => new Uint8Array([...bytes, ...new Uint8Array(64)])),
    'shape_mismatch',
    DENSE,
  ],
  'an empty block': [block(TAPS, () => new Uint8Array()), 'shape_mismatch', 'has 0 bytes'],
  'a block that is not bytes': [
    header((h) => {
      const entry = h[TABLE] as Entry;
      h[TABLE] = { ...entry, dtype: 'F32', shape: [entry.shape[0]! / 4] };
    }),
    'corrupt_checkpoint',
    /word_embeddings" is F32/,
  ],
  'a block of two dimensions': [
    header((h) => {
      const entry = h[TABLE] as Entry;
      h[TABLE] = { ...entry, shape: [entry.shape[0]! / 4, 4] };
    }),
    'corrupt_checkpoint',
    /word_embeddings" is U8 \[/,
  ],
  'a file that is not bytes': [
    header((h) => {
      const entry = h['files/config.json'] as Entry;
      h['files/config.json'] = { ...entry, dtype: 'I8' };
    }),
    'corrupt_checkpoint',
    /files\/config\.json" is I8/,
  ],
  'blocks that overlap': [
    header((h) => {
      const [a, b] = [h[TABLE] as Entry, h[DENSE] as Entry];
      h[DENSE] = { ...b, data_offsets: [a.data_offsets[0], a.data_offsets[0] + b.shape[0]!] };
    }),
    'corrupt_checkpoint',
    'begins at byte',
  ],
  'a size that lies': [
    header((h) => {
      const entry = h[TABLE] as Entry;
      h[TABLE] = { ...entry, shape: [2 ** 40] };
    }),
    'corrupt_checkpoint',
    'data_offsets give',
  ],
  'the end cut off': [() => whole.slice(0, -100), 'corrupt_checkpoint', 'the tensors end at byte'],
  'the header cut off': [() => whole.slice(0, 300), 'corrupt_checkpoint', 'does not fit'],
  'bytes behind the end': [() => new Uint8Array([...whole, 0]), 'corrupt_checkpoint', 'the file has'],
  'a header of no JSON': [
    () => {
      const bytes = whole.slice();
      bytes[20] = 0;
      return bytes;
    },
    'corrupt_checkpoint',
    'byte 12 of the header',
  ],
  'no config.json': [block('files/config.json', () => null), 'not_found', 'config.json'],
  'a config.json that is no JSON': [
    block('files/config.json', (bytes) => bytes.slice(1)),
    'corrupt_checkpoint',
    'config.json is not valid JSON at line',
  ],
  'a config.json that is not UTF-8': [
    block('files/config.json', () => new Uint8Array([0xff, 0xfe])),
    'corrupt_checkpoint',
    'not valid UTF-8',
  ],
  'a config.json of a wider model': [
    config((c) => (c.text_config.intermediate_size = 64)),
    'shape_mismatch',
    /intermediate\.dense" has/,
  ],
  'a config.json of a deeper model': [
    config((c) => (c.text_config.num_hidden_layers = 9)),
    'missing_tensor',
    'encoder.layer.3.',
  ],
  'a config.json of 16 million words': [
    config((c) => (c.text_config.vocab_size = 16_000_000)),
    'shape_mismatch',
    'word_embeddings',
  ],
};

test('there are enough of them', () => {
  expect(Object.keys(cases).length).toBeGreaterThanOrEqual(20);
});

test('the file that they are made from is good', async () => {
  (await AlignModel.from_pretrained(whole)).dispose();
  (await AlignModel.from_pretrained(with_header(whole, () => undefined))).dispose();
  (await AlignModel.from_pretrained(with_blocks(whole, (_, bytes) => bytes))).dispose();
});

describe.each(Object.keys(cases))('%s', (name) => {
  const [make, code, message] = cases[name]!;

  test.each(['alone', 'in a folder'])('%s', async (form) => {
    const bytes = make();
    const expected = { name: 'AlignError', code, message: expect.stringMatching(message) as string };
    const weights = { 'model.safetensors': new Blob([bytes as Uint8Array<ArrayBuffer>]) };
    // Where the weights cannot be read, neither can the config.json in them: it lies beside them.
    const beside = { ...weights, 'config.json': golden_files('odd')['config.json'] };
    const damaged = code === 'corrupt_checkpoint' && !name.includes('config.json');
    const model = form === 'alone' ? bytes : damaged ? beside : weights;
    await expect(AlignModel.from_pretrained(model)).rejects.toMatchObject(expected);
  });
});

test('what a lone tower does not need may be missing', async () => {
  const no_text = with_blocks(whole, (name, bytes) => (name === DENSE ? null : bytes));
  (await AlignVisionModel.from_pretrained(no_text)).dispose();
  await expect(AlignTextModel.from_pretrained(no_text)).rejects.toMatchObject({ code: 'missing_tensor' });
});

test('values are data: scales of NaN and infinity make NaN, and only where they are', async () => {
  const bytes = with_blocks(whole, (name, old) => {
    if (name !== 'text_projection') return old;
    const changed = old.slice();
    new DataView(changed.buffer).setFloat32(64, NaN, true); // the scale of column 0
    return changed;
  });
  const [good, bad] = [await AlignModel.from_pretrained(whole), await AlignModel.from_pretrained(bytes)];
  const input_ids = new Tensor('int64', [1, 2, 3], [1, 3]);
  const [want, got] = [
    await good.get_text_features({ input_ids }),
    await bad.get_text_features({ input_ids }),
  ];
  expect(got.pooler_output!.data[0]).toBeNaN();
  expect(got.pooler_output!.data.slice(1)).toEqual(want.pooler_output!.data.slice(1));
  good.dispose();
  bad.dispose();
});
