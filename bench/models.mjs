// The files that are measured: what make_models.py wrote for the peers, and ours, written here once.

import { existsSync } from 'node:fs';
import { copyFile, mkdir, open, readFile, rename } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import './typescript.mjs';

const models = new URL('.models/', import.meta.url);
const config = new URL('../test/golden/align-base/config.json', import.meta.url);
const RANGE = 2 ** 24;

/** The folder of align-base as transformers would save it, with the counter weights: 690 MB. */
export const CHECKPOINT = fileURLToPath(new URL('align-base/', models));

/** A packed file's path, by dtype. */
export const packed_path = (dtype) => fileURLToPath(new URL(`packed.${dtype}.safetensors`, models));

/** Whether make_models.py has written a model of this name (`vision`, `ops/gemm_64_768_768`). */
export const has_model = (name) => existsSync(new URL(`${name}.onnx`, models));

/** Writes {@link CHECKPOINT} where it is not. */
export async function make_checkpoint() {
  const path = `${CHECKPOINT}model.safetensors`;
  if (existsSync(path)) return;
  const { counter_source } = await import('../test/support/counter_weights.ts');
  const source = counter_source();
  await mkdir(CHECKPOINT, { recursive: true });
  await copyFile(config, `${CHECKPOINT}config.json`);
  const file = await open(`${path}.part`, 'w');
  for (let at = 0; at < source.size; at += RANGE)
    await file.write(await source.read(at, Math.min(at + RANGE, source.size)));
  await file.close();
  await rename(`${path}.part`, path);
}

/** Bytes that a tower's parameters take in fp32; the text tower's projection is one of its own. */
export async function weight_bytes(tower) {
  const file = new URL('../test/golden/align-base/tensors.json', import.meta.url);
  const shapes = Object.entries(JSON.parse(await readFile(file, 'utf8')));
  const own = shapes.filter(([name]) => name.startsWith(tower) && !name.endsWith('num_batches_tracked'));
  return own.reduce((bytes, [, shape]) => bytes + 4 * shape.reduce((a, b) => a * b, 1), 0);
}
