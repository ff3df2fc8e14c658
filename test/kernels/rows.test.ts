// assembly/kernels/layernorm.ts, normalize.ts and similarity.ts, sums along a row: results to the bit. Their values are in
// the table (cases/rows.ts).

import { describe, expect, test } from 'vitest';
import { random_layernorm, WIDTHS } from './cases/rows.ts';
import { expect_same_bits } from './support/compare.ts';
import { layernorm_op, normalize_op, similarity_op } from './support/ops.ts';
import { Random } from './support/random.ts';
import { result_of } from './support/run_op.ts';

describe.each(WIDTHS)('With rows of %i', (width) => {
  test('a row has the same bits alone and among others', async () => {
    const args = random_layernorm(5, width, 1e-12);
    const all = await result_of(layernorm_op(args));
    const units = await result_of(normalize_op(args));
    for (let i = 0; i < 5; i++) {
      const row = (data: Float32Array): Float32Array => data.slice(i * width, (i + 1) * width);
      const one = { ...args, rows: 1, x: row(args.x) };
      expect_same_bits(await result_of(layernorm_op(one)), row(all), `LayerNorm of row ${i}`);
      expect_same_bits(await result_of(normalize_op(one)), row(units), `Normalize of row ${i}`);
    }
  });

  test('a NaN fills its row and no other', async () => {
    const args = random_layernorm(3, width, 1e-12);
    const x = args.x.slice();
    x[2 * width - 1] = NaN;
    for (const op of [layernorm_op, normalize_op]) {
      const [clean, got] = [await result_of(op(args)), await result_of(op({ ...args, x }))];
      expect_same_bits(got.slice(0, width), clean.slice(0, width), 'row 0');
      expect(got.slice(width, 2 * width).every(Number.isNaN)).toBe(true);
      expect_same_bits(got.slice(2 * width), clean.slice(2 * width), 'row 2');
    }
  });
});

test('Normalize of a zero row is NaN, as transformers has no epsilon there', async () => {
  const got = await result_of(normalize_op({ rows: 2, width: 3, x: Float32Array.of(0, 0, 0, 3, 0, 4) }));
  expect(got.slice(0, 3).every(Number.isNaN)).toBe(true);
  expect([...got.slice(3)]).toEqual([Math.fround(0.6), 0, Math.fround(0.8)]);
});

test('Similarity is the same whichever side is whose', async () => {
  const random = new Random(5);
  const [a, b] = [random.floats(3 * 17), random.floats(5 * 17)];
  const there = await result_of(similarity_op({ m: 3, n: 5, k: 17, a, b, temperature: 0.3 }));
  const back = await result_of(similarity_op({ m: 5, n: 3, k: 17, a: b, b: a, temperature: 0.3 }));
  const turned = Float32Array.from({ length: 15 }, (_, i) => back[(i % 5) * 3 + Math.floor(i / 5)]!);
  expect_same_bits(turned, there, 'transpose');
});
