// onnxruntime-web, one thread, on the models that make_models.py wrote.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-web';

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

const models = new URL('.models/', import.meta.url);

export const peer_name = `onnxruntime-web ${ort.env.versions.web}`;

/** Whether make_models.py has written a model of this name (`vision`, `ops/gemm_64_768_768`). */
export const has = (name) => existsSync(new URL(`${name}.onnx`, models));

/**
 * A model as a function.
 * @param inputs {name: typed array}; a missing input is filled with a small ramp
 * @returns run(): the first output's data, and release()
 */
export async function open(name, inputs = {}) {
  const session = await ort.InferenceSession.create(await readFile(new URL(`${name}.onnx`, models)), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  });
  const feeds = {};
  for (const { name: input, type, shape } of session.inputMetadata) {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = inputs[input] ?? Float32Array.from({ length: size }, (_, i) => (i % 97) / 97 - 0.5);
    feeds[input] = new ort.Tensor(type, data, shape);
  }
  return {
    run: async () => (await session.run(feeds))[session.outputNames[0]].data,
    release: () => session.release(),
  };
}
