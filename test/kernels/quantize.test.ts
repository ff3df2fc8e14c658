// assembly/kernels/quantize.ts: activations to 8 bits, exact to the bit.

import { describe, expect, test } from 'vitest';
import * as formats from './support/formats.ts';
import { quantize_op } from './support/ops.ts';
import { Random } from './support/random.ts';
import { result_of } from './support/run_op.ts';

/** Row i of Quantize's result as its scale and integers. */
function row_at(out: Float32Array, i: number, width: number): formats.Scaled & { rest: number[] } {
  const floats = formats.eight_bit_width(width);
  const bytes = new DataView(out.buffer, 4 * i * floats, 4 * floats);
  const q = Array.from({ length: 2 * (floats - 4) }, (_, j) => bytes.getInt16(16 + 2 * j, true));
  return { scale: bytes.getFloat32(0, true), q: q.slice(0, width), rest: q.slice(width) };
}

describe('Quantize', () => {
  test.each([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100])('rounds rows of %i exactly', async (width) => {
    const random = new Random(width);
    for (const rows of [1, 2, 7, 18]) {
      const x = random.floats(rows * width, -3, 3);
      for (let i = 0; i < rows; i += 3) x.fill(0, i * width, i * width + (i % 2 ? width : width >> 1));
      const out = await result_of(quantize_op({ rows, width, x }));
      for (let i = 0; i < rows; i++) {
        const { rest, ...got } = row_at(out, i, width);
        expect(got).toEqual(formats.eight_bits(x.subarray(i * width, (i + 1) * width)));
        expect(rest.every((v) => v === 0)).toBe(true);
      }
    }
  });

  test.each([1, 6, 16, 21])('multiplies by each picture’s gate first: %i channels', async (width) => {
    const random = new Random(width);
    const [pictures, pixels] = [3, 5];
    const rows = pictures * pixels;
    const [x, gate] = [random.floats(rows * width), random.floats(pictures * width, 0, 1)];
    const product = x.map((v, i) => v * gate[Math.floor(i / width / pixels) * width + (i % width)]!);
    const want = await result_of(quantize_op({ rows, width, x: product }));
    const got = await result_of(quantize_op({ rows, width, x, gate, pixels }));
    expect(new Int32Array(got.buffer)).toEqual(new Int32Array(want.buffer));
  });

  test('takes rows of any size: zeros, subnormals, the largest floats', async () => {
    const width = 9;
    const sizes = [0, 1e-45, 1e-39, 1e-31, 2 ** -100, 1e-20, 1, 1e30, 3.4e38];
    const x = Float32Array.from(
      sizes.flatMap((s) => Array.from({ length: width }, (_, j) => (s * (j - 4)) / 4)),
    );
    const out = await result_of(quantize_op({ rows: sizes.length, width, x }));
    sizes.forEach((_, i) => {
      const { scale, q } = row_at(out, i, width);
      expect({ scale, q }).toEqual(formats.eight_bits(x.subarray(i * width, (i + 1) * width)));
    });
  });
});
