// Products and tables with weights in every format (assembly/kernels/widen.ts, dot.ts, quantize.ts).

import { assert, describe, expect, test } from 'vitest';
import { Activation } from '../../src/host/plan/layout.ts';
import { activated, eight_bit_bound } from './support/bounds.ts';
import { expect_same_bits, expect_within } from './support/compare.ts';
import * as formats from './support/formats.ts';
import { NARROW } from './support/formats.ts';
import { embedding_op, gemm_op, quantize_op, type ActivationName, type GemmArgs } from './support/ops.ts';
import * as oracle from './support/oracle.ts';
import { Random } from './support/random.ts';
import { result_of, run_parts, test_instance } from './support/run_op.ts';

const NAMES = Object.keys(Activation) as ActivationName[];
const WEIGHT_ONLY = NARROW.filter((format) => format !== 'Q8D');
const ROWS = [1, 2, 3, 5, 16, 33];
const DEPTHS = [1, 2, 3, 7, 15, 32, 33, 70];
const COLUMNS = [1, 3, 15, 16, 17, 33, 50];

function random_gemm(
  m: number,
  n: number,
  k: number,
  activation: ActivationName,
  residual = false,
): GemmArgs {
  const random = new Random(m * 10007 + n * 101 + k);
  return {
    ...{ m, n, k, activation },
    a: random.floats(m * k, -2, 2),
    weight: random.floats(n * k),
    bias: random.floats(n),
    ...(residual && { residual: random.floats(m * n) }),
  };
}

function row_of(args: GemmArgs, i: number): GemmArgs {
  const { n, k, a, residual } = args;
  const row = { ...args, m: 1, a: a.slice(i * k, (i + 1) * k) };
  return residual ? { ...row, residual: residual.slice(i * n, (i + 1) * n) } : row;
}

describe.each(WEIGHT_ONLY)('A product with weights in %s', (format) => {
  test('has the bits of the F32 product with those weights, in any number of parts', async () => {
    let turn = 0;
    for (const n of COLUMNS)
      for (const m of ROWS)
        for (const k of DEPTHS) {
          if (turn++ % 3 !== 0 && m > 3) continue;
          const args = random_gemm(m, n, k, NAMES[turn % NAMES.length]!, turn % 2 === 0);
          const got = await result_of(gemm_op({ ...args, format }));
          const weight = formats.restored(format, args.weight, k);
          const want = run_parts(await test_instance(), gemm_op({ ...args, weight }), 1).c!;
          expect_same_bits(got, want, `${m} × ${n} × ${k}`);
        }
  });

  test('crosses blocks of 128 rows', async () => {
    for (const m of [127, 129, 257]) {
      const args = random_gemm(m, 19, 40, 'Silu', true);
      const got = await result_of(gemm_op({ ...args, format }));
      const weight = formats.restored(format, args.weight, 40);
      expect_same_bits(got, await result_of(gemm_op({ ...args, weight })), `${m} rows`);
    }
  });

  test('keeps a NaN in its row, and hands on a NaN among the weights', async () => {
    const args = random_gemm(5, 18, 7, 'Relu', true);
    const clean = await result_of(gemm_op({ ...args, format }));
    const a = args.a.slice();
    a[2 * 7 + 3] = NaN;
    const got = await result_of(gemm_op({ ...args, a, format }));
    for (let i = 0; i < 5; i++) {
      const row = got.slice(i * 18, (i + 1) * 18);
      if (i === 2) expect(row.every(Number.isNaN)).toBe(true);
      else expect_same_bits(row, clean.slice(i * 18, (i + 1) * 18), `row ${i}`);
    }
    for (const bad of [NaN, Infinity]) {
      const weight = args.weight.slice();
      weight[4 * 7 + 1] = bad;
      const column = await result_of(gemm_op({ ...args, activation: 'Linear', weight, format }));
      for (let i = 0; i < 5; i++) expect(Number.isFinite(column[i * 18 + 4])).toBe(false);
    }
  });
});

/** What a Q8D product is by definition: exact integers, then three roundings. */
function eight_bit_product({ m, n, k, a, weight, bias }: GemmArgs): oracle.Sums {
  const value = new Float64Array(m * n);
  const columns = Array.from({ length: n }, (_, j) => formats.eight_bits(weight.slice(j * k, (j + 1) * k)));
  for (let i = 0; i < m; i++) {
    const row = formats.eight_bits(a.slice(i * k, (i + 1) * k));
    columns.forEach(({ q, scale }, j) => {
      const sum = Math.fround(q.reduce((total, v, t) => total + v * row.q[t]!, 0));
      const product = Math.fround(sum * Math.fround(row.scale * scale));
      value[i * n + j] = Math.fround(product + bias[j]!);
    });
  }
  return { value, magnitude: new Float64Array(m * n) };
}

describe('A product in Q8D', () => {
  test('sums exactly, in any number of parts', async () => {
    for (const n of COLUMNS)
      for (const m of ROWS)
        for (const k of DEPTHS) {
          const args = random_gemm(m, n, k, 'Linear');
          const want = Float32Array.from(eight_bit_product(args).value);
          expect_same_bits(await result_of(gemm_op({ ...args, format: 'Q8D' })), want, `${m} × ${n} × ${k}`);
        }
  });

  test('holds the largest sums that there can be', async () => {
    for (const k of [3072, 40001]) {
      const a = new Float32Array(2 * k).fill(1).fill(-1, k);
      const args = { ...random_gemm(2, 3, k, 'Linear'), a, weight: new Float32Array(3 * k).fill(1) };
      const want = Float32Array.from(eight_bit_product(args).value);
      expect_same_bits(await result_of(gemm_op({ ...args, format: 'Q8D' })), want, `depth ${k}`);
    }
  });

  test('applies every activation and residual to that', async () => {
    let turn = 0;
    for (const activation of NAMES)
      for (const n of [6, 17, 35]) {
        const args = random_gemm(5, n, 20 + turn, activation, turn++ % 2 === 0);
        const { value, bound } = activated(eight_bit_product(args), 0, activation, args.residual);
        expect_within(await result_of(gemm_op({ ...args, format: 'Q8D' })), value, bound, activation);
      }
  });

  test('is within the rounding to 8 bits of the true product', async () => {
    for (const [m, n, k] of [
      [3, 17, 33],
      [7, 20, 100],
      [2, 5, 768],
    ] as const) {
      const args = random_gemm(m, n, k, 'Linear');
      const { value } = oracle.gemm(args);
      const got = await result_of(gemm_op({ ...args, format: 'Q8D' }));
      expect_within(got, value, eight_bit_bound(args), `${m} × ${n} × ${k}`);
    }
  });

  test('gives a row the same bits alone and among others', async () => {
    for (const [m, n, k] of [
      [2, 17, 5],
      [131, 33, 18],
    ] as const) {
      const args = { ...random_gemm(m, n, k, 'Gelu', true), format: 'Q8D' } as const;
      const all = await result_of(gemm_op(args));
      for (const i of [0, 1, m >> 1, m - 1]) {
        const alone = await result_of(gemm_op(row_of(args, i)));
        expect_same_bits(alone, all.slice(i * n, (i + 1) * n), `row ${i} of ${m}`);
      }
    }
  });
});

test('Quantize and a Q8D product let a NaN or an infinity reach every output of its row, and no other row', async () => {
  const [m, n, k] = [4, 18, 21];
  const args = random_gemm(m, n, k, 'Linear');
  const instance = await test_instance();
  const product = (a: Float32Array): Float32Array => {
    const out = run_parts(instance, quantize_op({ rows: m, width: k, x: a }), 1).out!;
    const data = new Int32Array(out.buffer);
    const op = gemm_op({ ...args, format: 'Q8D' });
    return run_parts(instance, { ...op, inputs: { a: { data, width: formats.eight_bit_width(k) } } }, 1).c!;
  };
  const clean = product(args.a);
  expect_same_bits(clean, Float32Array.from(eight_bit_product(args).value), 'clean rows');
  for (const bad of [NaN, Infinity, -Infinity])
    for (const column of [0, 3, 17, 20]) {
      const a = args.a.slice();
      a[2 * k + column] = bad;
      const got = product(a);
      for (let i = 0; i < m; i++) {
        const row = got.slice(i * n, (i + 1) * n);
        if (i === 2) assert(row.every(Number.isNaN), `${bad} in column ${column} gives ${row.join()}`);
        else expect_same_bits(row, clean.slice(i * n, (i + 1) * n), `row ${i}`);
      }
    }
});

describe.each(WEIGHT_ONLY)('A table in %s', (format) => {
  test('gives the rows it holds, or adds them', async () => {
    for (const width of [1, 3, 4, 15, 17, 33, 64, 300]) {
      const random = new Random(width);
      const table = random.floats(11 * width);
      const held = formats.restored(format, table, width);
      for (const sum of [undefined, random.floats(7 * width)]) {
        const args = { rows: 11, width, table, ids: random.integers(7, 11), ...(sum && { sum }) };
        const want = Float32Array.from(oracle.embedding({ ...args, table: held }));
        expect_same_bits(await result_of(embedding_op({ ...args, format })), want, `width ${width}`);
      }
    }
  });
});

test('Every half is read as it is, by tables and by products', async () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const op = embedding_op({ rows: 1, width: 65536, table: new Float32Array(65536), ids: Int32Array.of(0) });
  const sources = [{ part: 'Weight', dtype: 'F16', data: halves, rows: 1 }] as const;
  const table = (format: 'F16' | 'F32'): Promise<Float32Array> =>
    result_of({
      ...op,
      fields: { ...op.fields, format: formats.number_of(format) },
      weights: { ...op.weights!, format, sources },
    });
  const wide = await table('F32');
  expect_same_bits(await table('F16'), wide, 'table');

  const k = 65536 / 64; // column j holds the halves from 1024 j on; row i picks the i-th of each
  const weights = [{ part: 'Weight', dtype: 'F16', data: halves, rows: 64 }] as const;
  const a = Float32Array.of(...Array.from({ length: k }, (_, i) => Number(i === 5)));
  const product = gemm_op({
    ...random_gemm(1, 64, k, 'Linear'),
    a,
    weight: new Float32Array(64 * k),
    format: 'F16',
  });
  const got = await result_of({ ...product, weights: { ...product.weights!, sources: weights } });
  for (let j = 0; j < 62; j++) if (j !== 31) expect(got[j]).toBe(wide[j * k + 5]! + 0);
});
