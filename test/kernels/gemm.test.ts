// assembly/kernels/gemm.ts and tile.ts: results to the bit. Their values are in the table (cases/gemm.ts).

import { describe, expect, test } from 'vitest';
import { COLUMNS, GATED, gated, gated_gemm, random_gemm, row_of } from './cases/gemm.ts';
import { expect_same_bits } from './support/compare.ts';
import { gemm_op } from './support/ops.ts';
import { result_of, run_parts, test_instance } from './support/run_op.ts';

describe.each(COLUMNS)('Gemm with %i columns', (n) => {
  test('gives a row the same bits alone (one row kernels) and among others (two row kernel)', async () => {
    for (const [m, k] of [
      [2, 5],
      [7, 33],
      [131, 18],
    ] as const) {
      const args = random_gemm(m, n, k, 'Gelu', true);
      const all = await result_of(gemm_op(args));
      for (const i of [0, 1, m >> 1, m - 2, m - 1]) {
        const alone = await result_of(gemm_op(row_of(args, i)));
        expect_same_bits(alone, all.slice(i * n, (i + 1) * n), `row ${i} of ${m}`);
      }
    }
  });
});

describe('Gemm', () => {
  test('splits one row by panels, and into more parts than there is work', async () => {
    const instance = await test_instance();
    for (const n of [250, 18, 3]) {
      const op = gemm_op(random_gemm(1, n, 12, 'Tanh', true));
      const whole = run_parts(instance, op, 1).c!;
      for (const parts of [2, 3, 7, 16])
        expect_same_bits(run_parts(instance, op, parts).c!, whole, `${n} columns in ${parts} parts`);
    }
  });

  test('leaves the bits of other rows alone where one has a NaN or an infinity', async () => {
    for (const bad of [NaN, Infinity]) {
      const args = random_gemm(5, 18, 7, 'Relu', true);
      const clean = await result_of(gemm_op(args));
      const a = args.a.slice();
      a[2 * 7 + 3] = bad;
      const got = await result_of(gemm_op({ ...args, a }));
      for (const i of [0, 1, 3, 4])
        expect_same_bits(got.slice(i * 18, i * 18 + 18), clean.slice(i * 18, i * 18 + 18), `row ${i}`);
    }
  });

  test('multiplies its rows by the gate of their picture first, whatever is gated', async () => {
    for (const sizes of GATED) {
      const args = gated_gemm(sizes, true);
      const a = gated(args);
      const { gate, ...bare } = args;
      expect(gate).toBeDefined();
      for (const format of ['F32', 'F16', 'Q4'] as const)
        expect_same_bits(
          await result_of(gemm_op({ ...args, format })),
          await result_of(gemm_op({ ...bare, a, format })),
          `${sizes.join(' × ')} in ${format}`,
        );
    }
  });
});
