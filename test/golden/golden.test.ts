// Every committed golden in WASM; on the GPU all but those that differ in an activation alone (golden.long.ts has these).

import { afterAll, expect, test } from 'vitest';
import { test_gpu_device } from '../kernels/support/gpu.ts';
import { ACTIVATIONS, describe_goldens, VARIANTS, WASM, WEBGPU } from './goldens.ts';

test('the goldens are all there', () => {
  expect(VARIANTS.length).toBeGreaterThanOrEqual(34);
});

describe_goldens(WASM);

afterAll(async () => (await test_gpu_device()).destroy());

describe_goldens({ ...WEBGPU, variants: VARIANTS.filter((name) => !ACTIVATIONS.includes(name)) });

describe_goldens({
  ...{ name: 'webgpu, fp16 weights', device: 'webgpu', variants: ['wide', 'odd', 'inputs'] },
  ...{ bound: 1e-2, embeddings: 1e-2, least_cosine: 0.9995 },
  options: async () => ({ device: 'webgpu', gpu: await test_gpu_device(), dtype: 'fp16' }),
});
