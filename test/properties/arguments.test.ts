// Whatever a public method is called with, it answers or throws an AlignError: no TypeError, no RangeError, no trap; and
// what it belongs to goes on as before.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, assert, expect, test } from 'vitest';
import * as api from '../../src/host/index.ts';
import { CHECKPOINT } from '../host/zero_shot.ts';
import { pick, whole } from './draws.ts';
import { property } from './property.ts';

const { AlignError, Tensor } = api;

// A name made of garbage must not be a file among the sources.
const folder = mkdtempSync(join(tmpdir(), 'align-wasm-arguments-'));
const home = process.cwd();
process.chdir(folder);
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

const align = await api.Align.load(CHECKPOINT, { device: 'wasm' });
const { model, processor } = align;
const text_model = await api.AlignTextModel.from_pretrained(CHECKPOINT, { device: 'wasm' });
const vision_model = await api.AlignVisionModel.from_pretrained(CHECKPOINT, { device: 'wasm' });
const index = await align.create_index();
const labels = await align.label_set(['a cat', 'a dog']);
const image = { data: new Uint8Array(48), width: 4, height: 4, channels: 3 };
const embedding = await align.embed_text('a cat');
const classified = await align.classify(image, labels, { scores: 'cosine' });
const [zero_shot, image_features, text_features] = await Promise.all([
  api.pipeline('zero-shot-image-classification', CHECKPOINT),
  api.pipeline('image-feature-extraction', CHECKPOINT),
  api.pipeline('feature-extraction', CHECKPOINT),
]);

type Anything = (...given: never[]) => unknown;
/** Methods of a value by name, bound. */
function methods(name: string, value: object, names: readonly string[]): [string, Anything][] {
  return names.map((method) => [
    `${name}.${method}`,
    (...given: never[]) => (value as Record<string, Anything>)[method]!(...given),
  ]);
}
const make = (name: string, Class: new (...given: never[]) => unknown): [string, Anything] => [`new ${name}`, (...given: never[]) => new Class(...given)]; // prettier-ignore

/** Every public method but those that free or write: they come in properties of their own. */
const METHODS = new Map<string, Anything>([
  ...methods('Align', align, ['embed_text', 'embed_image', 'classify', 'label_set', 'mix', 'create_index']),
  ...methods('AlignModel', model, ['forward', 'get_text_features', 'get_image_features', 'embed_text', 'embed_image', 'similarity', 'plan', 'warmup']),
  ...methods('AlignTextModel', text_model, ['forward']),
  ...methods('AlignVisionModel', vision_model, ['forward']),
  ...methods('AlignProcessor', processor, ['call', 'decode', 'batch_decode']),
  ...methods('BertTokenizer', processor.tokenizer, ['call', 'encode', 'tokenize', 'decode', 'batch_decode', 'convert_tokens_to_ids', 'convert_ids_to_tokens']),
  ...methods('EfficientNetImageProcessor', processor.image_processor, ['call']),
  ...methods('AlignIndex', index, ['add', 'update', 'upsert', 'remove', 'has', 'get', 'search', 'merge']),
  ...methods('AlignIndex', api.AlignIndex, ['create', 'from_bytes']),
  ...methods('LabelSet', api.LabelSet, ['from_bytes']),
  ...methods('RawImage', api.RawImage, ['read']),
  ...methods('RawImage', new api.RawImage(image.data, 4, 4, 3), ['rgb']),
  ...methods('Tensor', new Tensor('float32', [1], [1]), ['item', 'tolist']),
  ...methods('AlignConfig', api.AlignConfig, ['from_text_vision_configs']),
  ...methods('align-wasm', api, ['align_loss', 'describe', 'plan_text', 'use_webp']),
  ...[make('Tensor', Tensor), make('RawImage', api.RawImage), make('LabelSet', api.LabelSet)],
  ...[make('AlignConfig', api.AlignConfig), make('AlignTextConfig', api.AlignTextConfig), make('AlignVisionConfig', api.AlignVisionConfig)],
  ['pipeline zero-shot-image-classification', zero_shot],
  ['pipeline image-feature-extraction', image_features],
  ['pipeline feature-extraction', text_features],
]); // prettier-ignore

const size = whole(0, 5);
const tensor = fc
  .record({ type: pick('float32', 'int32', 'int64', 'uint8', 'bool', 'float64'), dims: fc.array(size, { maxLength: 4 }), value: whole(-2, 4000) })
  .map(({ type, dims, value }) => new Tensor(type, new Array<number>(dims.reduce((a, b) => a * b, 1)).fill(value), dims)); // prettier-ignore

/** Values that a method expects somewhere, if not there. */
const nearly = fc.oneof(
  tensor,
  fc.constantFrom<unknown>('a red cat', '', '{}', 'softmax', 'float32', 'text', [], {}, image, [image, image], labels, index, null, undefined),
  fc.uint8Array(), fc.float32Array(), fc.array(fc.string()), fc.array(fc.double()), fc.array(tensor), whole(-3, 300), fc.double(), fc.bigInt(), fc.date(), fc.func(fc.anything()),
  fc.record({ input_ids: tensor, attention_mask: tensor, pixel_values: tensor, return_loss: fc.boolean() }, { requiredKeys: [] }),
  fc.record({ data: fc.oneof(fc.uint8Array(), fc.anything()), width: fc.oneof(size, fc.anything()), height: size, channels: size }, { requiredKeys: ['data', 'width', 'height'] }),
  fc.record({ padding: fc.anything(), truncation: fc.anything(), max_length: fc.oneof(fc.anything(), whole(0, 90)), text: fc.anything(), images: fc.anything() }, { requiredKeys: [] }),
  fc.record({ batch_size: fc.anything(), top_k: fc.anything(), scores: fc.anything(), signal: fc.anything(), filter: fc.anything(), dimensions: fc.anything(), batch: fc.anything(), tokens: fc.anything() }, { requiredKeys: [] }),
  fc.array(fc.record({ text: fc.anything(), embedding: fc.anything(), weight: fc.anything() }, { requiredKeys: [] }), { maxLength: 3 }),
); // prettier-ignore
const anything = fc.anything({
  ...{ withBigInt: true, withDate: true, withTypedArray: true, withNullPrototype: true, withMap: true, withSet: true },
  ...{ withObjectString: true, withSparseArray: true },
}); // prettier-ignore
const garbage = fc.oneof(nearly, anything);
const given = fc.array(garbage, { maxLength: 3 });

/** Calls, and fails unless that ends well or in an AlignError of another code than `trap`. */
async function answers(method: Anything, given: readonly unknown[]): Promise<void> {
  try {
    await method(...(given as never[]));
  } catch (error) {
    if (error instanceof AlignError && error.code !== 'trap') return;
    assert.fail(error instanceof Error ? error.stack! : String(error));
  }
}

for (const [name, method] of METHODS)
  property(`${name} answers or throws an AlignError, whatever it is given`, [given], (given) =>
    answers(method, given),
  );

/** What loads or writes: never by a text or a URL, which would be a file's or a host's. */
const FILES = new Map<string, Anything>([
  ...methods('Align', api.Align, ['load']),
  ...methods('AlignModel', api.AlignModel, ['from_pretrained']),
  ...methods('AlignTextModel', api.AlignTextModel, ['from_pretrained']),
  ...methods('AlignVisionModel', api.AlignVisionModel, ['from_pretrained']),
  ...methods('AlignConfig', api.AlignConfig, ['from_pretrained']),
  ...methods('AlignTextConfig', api.AlignTextConfig, ['from_pretrained']),
  ...methods('AlignVisionConfig', api.AlignVisionConfig, ['from_pretrained']),
  ...methods('EfficientNetImageProcessor', api.EfficientNetImageProcessor, ['from_pretrained']),
  ...methods('AlignProcessor', api.AlignProcessor, ['from_pretrained']),
  ...methods('BertTokenizer', api.BertTokenizer, ['from_pretrained']),
  ...methods('AlignIndex', api.AlignIndex, ['load']),
  ...methods('AlignIndex', index, ['save']),
  ...methods('AlignModel', model, ['save_pretrained']),
  ...methods('AlignConfig', model.config, ['save_pretrained']),
  ...methods('AlignProcessor', processor, ['save_pretrained']),
  ['pipeline', api.pipeline as Anything],
]); // prettier-ignore
const json = fc.oneof(fc.dictionary(fc.string(), anything), anything);
const model_files = fc.record(
  { 'config.json': json, 'model.safetensors': fc.oneof(fc.uint8Array(), anything), 'vocab.txt': anything, 'tokenizer.json': json, 'tokenizer_config.json': json, 'preprocessor_config.json': json, 'processor_config.json': json },
  { requiredKeys: [] },
); // prettier-ignore
const no_place = fc
  .oneof(model_files, model_files, garbage)
  .filter((value) => typeof value !== 'string' && value !== undefined);

for (const [name, method] of FILES)
  property(
    `${name} answers or throws an AlignError, whatever it is given in place of a file`,
    [no_place, fc.option(garbage, { nil: undefined })],
    (place, options) => answers(method, [place, options]),
  );

test('and everything goes on as before', async () => {
  expect(await align.embed_text('a cat')).toEqual(embedding);
  expect(await align.classify(image, labels, { scores: 'cosine' })).toEqual(classified);
});
