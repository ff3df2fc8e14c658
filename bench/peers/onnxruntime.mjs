// onnxruntime as a contestant: onnxruntime-web in Node and in a browser's worker, there on a GPU too, and the native
// library in Node.

import { WORK } from '../work.mjs';

const MODELS = new URL('../.models/', import.meta.url);
const in_browser = MODELS.protocol !== 'file:';

let session, feeds, last;

/** The package, ready for `threads`. A process keeps the number of threads it began with. */
async function load(kind, threads) {
  if (kind === 'native') return (await import('onnxruntime-node')).default;
  const file = kind === 'webgpu' ? 'ort.webgpu.min.mjs' : 'ort.wasm.min.mjs';
  const ort = await import(in_browser ? `./node_modules/onnxruntime-web/dist/${file}` : 'onnxruntime-web');
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return ort;
}

async function read(name) {
  const url = new URL(`${name}.onnx`, MODELS);
  if (in_browser) return new Uint8Array(await (await fetch(url)).arrayBuffer());
  return (await import('node:fs/promises')).readFile(url);
}

/**
 * Opens a model that make_models.py wrote.
 * @param kind `'web'`, `'webgpu'` or `'native'`
 * @param name its file's name; `inputs` by name, a missing one is filled with a small ramp
 */
export async function open_model(kind, threads, name, inputs = {}) {
  const ort = await load(kind, threads);
  const native = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  session = await ort.InferenceSession.create(await read(name), {
    executionProviders: [{ native: 'cpu', web: 'wasm', webgpu: 'webgpu' }[kind]],
    graphOptimizationLevel: 'all',
    ...(kind === 'native' && native),
  });
  feeds = {};
  for (const { name: input, type, shape } of session.inputMetadata) {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = inputs[input] ?? Float32Array.from({ length: size }, (_, i) => (i % 97) / 97 - 0.5);
    feeds[input] = new ort.Tensor(type, data, shape);
  }
}

/** Opens the model for a piece of work. */
export async function open(work, { kind = 'web', threads = 1, model = WORK[work].model } = {}) {
  await open_model(kind, threads, model, WORK[work].make().inputs);
  return {};
}

/** Runs once. @returns ms */
export async function run() {
  const start = performance.now();
  last = await session.run(feeds);
  return performance.now() - start;
}

/** The first output's data, of the last run: another may take half a minute. */
export const features = () => last[session.outputNames[0]].data;

/** Best ms of some runs of a model, which is closed again. */
export async function best_of(name, rounds) {
  await open_model('web', 1, name);
  let best = Infinity;
  for (let round = 0; round <= rounds; round++) best = Math.min(best, await run());
  await session.release();
  return best;
}
