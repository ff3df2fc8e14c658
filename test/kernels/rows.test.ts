// assembly/kernels/layernorm.ts, normalize.ts and similarity.ts: sums along a row.

import { describe, expect, test } from 'vitest';
import { layernorm_bound, normalize_bound, similarity_bound } from './support/bounds.ts';
import { expect_same_bits, expect_within } from './support/compare.ts';
import { layernorm_op, normalize_op, similarity_op, type LayerNormArgs } from './support/ops.ts';
import * as oracle from './support/oracle.ts';
import { Random } from './support/random.ts';
import { result_of } from './support/run_op.ts';

function random_layernorm(rows: number, width: number, eps: number, shift = 0): LayerNormArgs {
  const random = new Random(rows * 1000 + width);
  return {
    ...{ rows, width, eps },
    x: random.floats(rows * width, shift - 2, shift + 2),
    gamma: random.floats(width, 0.5, 1.5),
    beta: random.floats(width),
  };
}

async function check_layernorm(args: LayerNormArgs): Promise<void> {
  const { value, moments } = oracle.layernorm(args);
  const got = await result_of(layernorm_op(args));
  expect_within(got, value, layernorm_bound(args, value, moments), `${args.rows} × ${args.width}`);
}

describe.each([1, 2, 3, 5, 7, 15, 16, 17, 33, 101])('With rows of %i', (width) => {
  const random = new Random(width);

  test('LayerNorm agrees with the oracle, in any number of parts', async () => {
    for (const rows of [1, 2, 7, 18])
      for (const eps of [1e-12, 1e-5, 0.1]) await check_layernorm(random_layernorm(rows, width, eps));
  });

  test('LayerNorm agrees with the oracle far from zero, where a mean of squares would cancel', async () => {
    await check_layernorm(random_layernorm(3, width, 1e-5, 500));
  });

  test('Normalize agrees with the oracle, in any number of parts', async () => {
    for (const rows of [1, 2, 7, 18]) {
      const args = { rows, width, x: random.floats(rows * width, -3, 3) };
      const want = oracle.normalize(args);
      expect_within(await result_of(normalize_op(args)), want, normalize_bound(want, width), `${rows} rows`);
    }
  });

  test('Similarity agrees with the oracle, in any number of parts', async () => {
    for (const [m, n] of [
      [1, 1],
      [2, 7],
      [5, 3],
      [17, 4],
    ] as const)
      for (const temperature of [1, 0.07]) {
        const sizes = { m, n, k: width, temperature };
        const args = { ...sizes, a: random.floats(m * width), b: random.floats(n * width) };
        const sums = oracle.similarity(args);
        const got = await result_of(similarity_op(args));
        expect_within(got, sums.value, similarity_bound(sums, width), `${m} × ${n}`);
      }
  });

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

test('LayerNorm of equal values is beta', async () => {
  const args = { ...random_layernorm(2, 6, 1e-12), x: new Float32Array(12).fill(0.25) };
  const want = Float32Array.from([...args.beta, ...args.beta]);
  expect_same_bits(await result_of(layernorm_op(args)), want, 'beta');
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
