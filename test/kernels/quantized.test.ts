// Products with weights in every format (assembly/kernels/widen.ts, dot.ts, quantize.ts): results to the bit. Their values
// are in the table (cases/quantized.ts).

import { assert, describe, expect, test } from 'vitest';
import { random_gemm, row_of } from './cases/gemm.ts';
import { eight_bit_product, every_size, restored, WEIGHT_ONLY } from './cases/quantized.ts';
import { expect_same_bits } from './support/compare.ts';
import * as formats from './support/formats.ts';
import { embedding_op, gemm_op, quantize_op } from './support/ops.ts';
import { result_of, run_parts, test_instance } from './support/run_op.ts';

describe.each(WEIGHT_ONLY)('A product with weights in %s', (format) => {
  test('has the bits of the F32 product with those weights, in any number of parts', async () => {
    const instance = await test_instance();
    for (const args of every_size()) {
      const got = await result_of(gemm_op({ ...args, format }));
      const want = run_parts(instance, gemm_op(restored(args, format)), 1).c!;
      expect_same_bits(got, want, `${args.m} × ${args.n} × ${args.k}`);
    }
  });

  test('crosses blocks of 128 rows', async () => {
    for (const m of [127, 129, 257]) {
      const args = random_gemm(m, 19, 40, 'Silu', true);
      const got = await result_of(gemm_op({ ...args, format }));
      expect_same_bits(got, await result_of(gemm_op(restored(args, format))), `${m} rows`);
    }
  });

  test('leaves the bits of other rows alone where one has a NaN', async () => {
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
  });
});

describe('A product in Q8D', () => {
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
