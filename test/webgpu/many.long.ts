// The embedded model on a GPU beside WASM: the pictures and texts of the matrix (MATRIX_MORE adds to them).

import { afterAll, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import type { WeightDtype } from '../../src/host/checkpoint/formats.ts';
import { test_gpu_device } from '../kernels/support/gpu.ts';
import { CHECKPOINT, ITEMS, PICTURES, TEXTS } from '../runtimes/matrix/inputs.ts';

afterAll(async () => (await test_gpu_device()).destroy());

/** Unit vectors of all pictures, then of all texts. */
async function embeddings(align: Align): Promise<Float32Array[]> {
  const pictures = Array.from(PICTURES.values(), (bytes) => new Blob([Uint8Array.from(bytes)]));
  return [...(await align.embed_image(pictures)), ...(await align.embed_text([...TEXTS]))];
}

test.each<[dtype: WeightDtype, least_cosine: number, most: number]>([
  ['fp32', 0.999999, 1e-4],
  ['fp16', 0.999999, 1e-4],
  ['q8', 0.9995, 1e-2],
])('%s: cosines of at least %s, numbers within %s', async (dtype, least_cosine, most) => {
  using wasm = await Align.load(CHECKPOINT, { device: 'wasm', dtype });
  using webgpu = await Align.load(CHECKPOINT, { device: 'webgpu', gpu: await test_gpu_device(), dtype });
  const [ours, theirs] = [await embeddings(wasm), await embeddings(webgpu)];
  expect(theirs).toHaveLength(ITEMS.length);
  let [worst, far] = [1, 0];
  for (const [i, a] of ours.entries()) {
    const b = theirs[i]!;
    const cosine = a.reduce((sum, value, k) => sum + value * b[k]!, 0);
    const apart = a.reduce((max, value, k) => Math.max(max, Math.abs(value - b[k]!)), 0);
    expect(cosine, ITEMS[i]).toBeGreaterThanOrEqual(least_cosine);
    expect(apart, ITEMS[i]).toBeLessThanOrEqual(most);
    [worst, far] = [Math.min(worst, cosine), Math.max(far, apart)];
  }
  console.log(`${dtype}, ${ITEMS.length} embeddings: smallest cosine ${worst}, furthest ${far}`);
});
