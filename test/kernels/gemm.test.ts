// assembly/kernels/gemm.ts and tile.ts.

import { describe, test } from 'vitest';
import { Activation } from '../../src/host/plan/layout.ts';
import { activated } from './support/bounds.ts';
import { expect_same_bits, expect_within } from './support/compare.ts';
import { gemm_op, type ActivationName, type GemmArgs } from './support/ops.ts';
import * as oracle from './support/oracle.ts';
import { Random } from './support/random.ts';
import { result_of, run_parts, test_instance } from './support/run_op.ts';

const NAMES = Object.keys(Activation) as ActivationName[];
const ROWS = [1, 2, 3, 5, 16, 33];
const DEPTHS = [1, 2, 3, 5, 7, 15, 17, 33];

function random_gemm(
  m: number,
  n: number,
  k: number,
  activation: ActivationName = 'Linear',
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

function check(args: GemmArgs, got: Float32Array): void {
  const { value, bound } = activated(oracle.gemm(args), args.k, args.activation, args.residual);
  expect_within(got, value, bound, `${args.m} × ${args.n} × ${args.k} ${args.activation}`);
}

function row_of(args: GemmArgs, i: number): GemmArgs {
  const { n, k, a, residual } = args;
  const row = { ...args, m: 1, a: a.slice(i * k, (i + 1) * k) };
  return residual ? { ...row, residual: residual.slice(i * n, (i + 1) * n) } : row;
}

describe.each([1, 2, 3, 5, 7, 15, 16, 17, 33, 50])('Gemm with %i columns', (n) => {
  test('agrees with the oracle at every number of rows and depth, in any number of parts', async () => {
    let turn = n;
    for (const m of ROWS)
      for (const k of DEPTHS) {
        const args = random_gemm(m, n, k, NAMES[turn % NAMES.length], turn % 2 === 0);
        check(args, await result_of(gemm_op(args)));
        turn++;
      }
  });

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
  test('crosses its blocks of 128 rows', async () => {
    for (const m of [127, 128, 129, 257]) {
      const args = random_gemm(m, 19, 6, 'Silu', true);
      check(args, await result_of(gemm_op(args)));
    }
  });

  test('splits one row by panels, and into more parts than there is work', async () => {
    const instance = await test_instance();
    for (const n of [250, 18, 3]) {
      const op = gemm_op(random_gemm(1, n, 12, 'Tanh', true));
      const whole = run_parts(instance, op, 1).c!;
      for (const parts of [2, 3, 7, 16])
        expect_same_bits(run_parts(instance, op, parts).c!, whole, `${n} columns in ${parts} parts`);
    }
  });

  test('keeps pad lanes zero under an activation that is not zero at zero', async () => {
    for (const activation of ['Sigmoid', 'Laplace', 'SqrtSoftplus'] as const)
      for (const n of [1, 6, 17, 35]) await result_of(gemm_op(random_gemm(5, n, 3, activation, true)));
  });

  test('keeps a NaN and an infinity in their row', async () => {
    for (const bad of [NaN, Infinity]) {
      const args = random_gemm(5, 18, 7, 'Relu', true);
      const clean = await result_of(gemm_op(args));
      const a = args.a.slice();
      a[2 * 7 + 3] = bad;
      const got = await result_of(gemm_op({ ...args, a }));
      for (const i of [0, 1, 3, 4])
        expect_same_bits(got.slice(i * 18, i * 18 + 18), clean.slice(i * 18, i * 18 + 18), `row ${i}`);
      const want = oracle.gemm({ ...args, a }).value.slice(36, 54);
      const row = Float64Array.from(want, (v, j) => oracle.ACTIVATIONS.Relu(v) + args.residual![36 + j]!);
      expect_within(got.slice(36, 54), row, new Float64Array(18), 'the row itself');
    }
  });

  test('multiplies its rows by the gate of their picture first, whatever is gated', async () => {
    for (const [pictures, pixels, k] of [
      [1, 5, 7],
      [3, 50, 12],
      [2, 131, 5],
    ] as const) {
      const args = random_gemm(pictures * pixels, 21, k, 'Silu', true);
      const gate = new Random(k).floats(pictures * k, -1, 2);
      gate.set([NaN, Infinity, -0, 0]);
      const a = args.a.map((v, i) => v * gate[Math.floor(i / (pixels * k)) * k + (i % k)]!);
      for (const format of ['F32', 'F16', 'Q4'] as const)
        expect_same_bits(
          await result_of(gemm_op({ ...args, gate, format })),
          await result_of(gemm_op({ ...args, a, format })),
          `${pictures} × ${pixels} in ${format}`,
        );
    }
  });
});
