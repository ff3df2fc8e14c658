// This package as a contestant: the public API on the full align-base shape. Runs in Node and in a browser's worker.

import { AlignModel, Tensor } from '../dist/index.js';
import { WORK } from './work.mjs';

const FOLDER = new URL('.models/align-base/', import.meta.url);
const TYPES = { pixel_values: 'float32' };

let model, tower, inputs;

/** A file behind a URL, read in ranges. */
async function remote(url) {
  const head = await fetch(url, { method: 'HEAD' });
  return {
    name: 'model.safetensors',
    size: Number(head.headers.get('content-length')),
    async read(start, end, signal) {
      const range = `bytes=${start}-${end - 1}`;
      return new Uint8Array(await (await fetch(url, { headers: { range }, signal })).arrayBuffer());
    },
  };
}

/** The model as from_pretrained takes it: a folder, or its files where there is no file system. */
async function source() {
  if (FOLDER.protocol === 'file:') return FOLDER;
  const config = await (await fetch(new URL('config.json', FOLDER))).json();
  return { 'config.json': config, 'model.safetensors': await remote(new URL('model.safetensors', FOLDER)) };
}

const tensors = ({ inputs, dims }) =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, data]) => [name, new Tensor(TYPES[name] ?? 'int64', data, dims)]),
  );

const call = (inputs) =>
  tower === 'vision' ? model.get_image_features(inputs) : model.get_text_features(inputs);

/**
 * Loads the tower that `work` needs.
 * @param options as from_pretrained takes them; on the CPU where they name no device
 * @returns what the model says of itself: { precision, threads }
 */
export async function open(work, options = {}) {
  ({ tower } = WORK[work]);
  model = await AlignModel.from_pretrained(await source(), { device: 'wasm', towers: tower, ...options });
  inputs = tensors(WORK[work].make());
  return { precision: model.precision, threads: model.threads };
}

/** Runs once. @returns ms */
export async function run() {
  const start = performance.now();
  await call(inputs);
  return performance.now() - start;
}

/** The features, of the padded inputs or of the trimmed ones. */
export async function features(work, trimmed = false) {
  return (await call(trimmed ? tensors(WORK[work].trimmed()) : inputs)).pooler_output.data;
}

/** The model, for modules of the same worker. */
export const opened = () => model;

/** Bytes of activations. */
export const arena = () => model.memory.arena;
