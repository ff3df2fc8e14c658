// The smallest whole model, with a processor, and everything that it is asked for. Answers are digests of all their bits.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Align } from '../../src/host/align.ts';
import type { ModelSource } from '../../src/host/checkpoint/model_files.ts';
import type { AlignModel } from '../../src/host/models.ts';
import type { CallOptions, LoadOptions } from '../../src/host/options.ts';
import { AlignIndex } from '../../src/host/search/align_index.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { flatten } from '../support/outputs.ts';
import { packed } from '../support/packed.ts';

const file = (path: string): Uint8Array => readFileSync(fileURLToPath(new URL(path, import.meta.url)));

export const PNG = file('../../examples/pictures/lock.png');
export const JPEG = file('../runtimes/photos/baseline.jpg');
const TEXTS = ['a a', 'a', 'b'];

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  'config.json': readFileSync(golden('tiny/config.json')),
  'model.safetensors': readFileSync(golden('tiny/model.safetensors')),
  'preprocessor_config.json': JSON.stringify({
    image_processor_type: 'EfficientNetImageProcessor',
    size: { height: 40, width: 40 },
    crop_size: { height: 33, width: 33 },
  }),
  'tokenizer_config.json': JSON.stringify({ tokenizer_class: 'BertTokenizer', model_max_length: 4 }),
  'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n',
};

/** The model as a folder on disk, as files in memory, and as one packed file, of 8 bits. */
export interface Tiny {
  readonly folder: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly packed: Uint8Array;
  close(): void;
}

export async function tiny(): Promise<Tiny> {
  const folder = mkdtempSync(join(tmpdir(), 'align-tiny-'));
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content);
  return {
    folder,
    files: FILES,
    packed: await packed(folder, { dtype: 'q8' }),
    close: () => rmSync(folder, { recursive: true }),
  };
}

/** A digest of the bits of all numbers in `value`, and of everything else in it. */
export function digest(value: unknown): string {
  const hash = createHash('sha256');
  const add = (part: unknown): void => {
    if (ArrayBuffer.isView(part)) hash.update(part as Uint8Array);
    else if (typeof part !== 'object' || part === null) hash.update(String(part));
    else for (const [name, item] of Object.entries(part)) add((hash.update(name), item));
  };
  add(value);
  return hash.digest('base64');
}

export const load = (model: ModelSource, options: LoadOptions = {}): Promise<Align> =>
  Align.load(model, { device: 'wasm', threads: 1, ...options });

/** A way to load the model, with options of its own. */
export type Loader = (options?: LoadOptions) => Promise<Align>;

/** All ways to load it on WebAssembly from this machine. */
export function loads({ folder, files, packed }: Tiny): readonly (readonly [name: string, open: Loader])[] {
  const from =
    (model: ModelSource, own: LoadOptions = {}): Loader =>
    (o) =>
      load(model, { ...own, ...o });
  return [
    ['a folder', from(folder)],
    ['files in memory', from(files)],
    ['a packed file', from(packed)],
    ['a folder in q8', from(folder, { dtype: 'q8' })],
    ['with the rows of words', from(folder, { embeddings: 'rows' })],
    ['with 2 threads', from(folder, { threads: 2 })],
  ];
}

/** What a model is asked for. */
export type Job = (align: Align, options?: CallOptions) => Promise<string>;

const { input_ids, pixel_values } = {
  input_ids: new Tensor('int64', [2, 4, 3, 0, 2, 4, 4, 3], [2, 4]),
  pixel_values: new Tensor('float32', Float32Array.from({ length: 3 * 33 * 47 }, (_, i) => ((i * 37) % 101) / 50 - 1), [1, 3, 33, 47]), // prettier-ignore
};

export type JobName =
  'embed_text' | 'embed_image, a PNG' | 'embed_image, a JPEG' | 'classify' | 'forward with taps';

export const JOBS: Readonly<Record<JobName, Job>> = {
  embed_text: async (align, options) => digest(await align.embed_text(TEXTS, options)),
  'embed_image, a PNG': async (align, options) => digest(await align.embed_image(PNG, options)),
  'embed_image, a JPEG': async (align, options) => digest(await align.embed_image(JPEG, options)),
  classify: async (align, options) => digest(await align.classify([PNG, JPEG], ['a', 'a a'], options)),
  'forward with taps': ({ model }, options) => forward(model, options),
};

/** Everything that a model can give. */
export async function forward(model: AlignModel, options?: CallOptions): Promise<string> {
  const taps = { output_hidden_states: true, output_attentions: true };
  return digest(flatten(await model.forward({ input_ids, pixel_values, ...taps }, options)));
}

export const JOB_NAMES = Object.keys(JOBS) as readonly JobName[];

/** Vectors from a seed: what an index is filled with. */
function vectors(count: number, dimensions: number): Float32Array[] {
  return Array.from({ length: count }, (_, i) =>
    Float32Array.from({ length: dimensions }, (_, j) => ((i * 31 + j * 17) % 97) - 48.5),
  );
}

const VECTORS = vectors(40, 64);

/** Fills an index as far as it is not, searches it, writes and reads it. */
export async function answers_of_index(index: AlignIndex): Promise<string> {
  VECTORS.forEach((vector, i) => index.upsert(`id ${i}`, vector, { i }));
  const found = [index.search(VECTORS[3]!, 5), index.search(VECTORS.slice(0, 8), 3)];
  using again = await AlignIndex.from_bytes(index.to_bytes());
  return digest([found, again.search(VECTORS[3]!, 5), again.get('id 7')]);
}
