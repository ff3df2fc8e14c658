// Products with weights in f32: gemm, its kernel for few rows, its tile.

import { activated, type Arithmetic } from '../support/bounds.ts';
import { gemm_op, type ActivationName, type GemmArgs } from '../support/ops.ts';
import * as oracle from '../support/oracle.ts';
import { ACTIVATIONS } from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { ACTIVATION_NAMES, among, case_of, poisoned, type Bounded, type Case, type Group } from './case.ts';

export const COLUMNS = [1, 2, 3, 5, 7, 15, 16, 17, 33, 50];
const ROWS = [1, 2, 3, 5, 16, 33];
const DEPTHS = [1, 2, 3, 5, 7, 15, 17, 33];

export function random_gemm(
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

/** The args with row i alone. */
export function row_of(args: GemmArgs, i: number): GemmArgs {
  const { n, k, a, residual } = args;
  const row = { ...args, m: 1, a: a.slice(i * k, (i + 1) * k) };
  return residual ? { ...row, residual: residual.slice(i * n, (i + 1) * n) } : row;
}

/** a with its gate multiplied in, as the kernels do: rounded to f32. */
export function gated({ m, k, a, gate }: GemmArgs): Float32Array {
  const pixels = gate ? (m * k) / gate.length : m;
  return gate ? a.map((v, i) => v * gate[Math.floor(i / (pixels * k)) * k + (i % k)]!) : a;
}

export function product(args: GemmArgs, on: Arithmetic): Bounded {
  const sums = oracle.gemm({ ...args, a: gated(args) });
  return activated(sums, args.k, args.activation, args.residual, on);
}

export function gemm_case(args: GemmArgs): Case {
  const { m, n, k, activation, format = 'F32' } = args;
  const name = `${m} × ${n} × ${k} ${activation} in ${format}`;
  return case_of(name, gemm_op(args), (on) => product(args, on));
}

/** Activations and residuals take turns. */
function every_size(n: number, names: readonly ActivationName[]): Case[] {
  let turn = n;
  return ROWS.flatMap((m) =>
    DEPTHS.map((k) => gemm_case(random_gemm(m, n, k, names[turn % names.length], turn++ % 2 === 0))),
  );
}

/** A gate with a NaN, an infinity and zeros in it. */
export function gated_gemm(
  [pictures, pixels, k]: readonly [number, number, number],
  special: boolean,
  activation: ActivationName = 'Silu',
): GemmArgs {
  const gate = new Random(k).floats(pictures * k, -1, 2);
  if (special) gate.set([NaN, Infinity, -0, 0].slice(0, k));
  return { ...random_gemm(pictures * pixels, 21, k, activation, true), gate };
}

export const GATED = [
  [1, 5, 7],
  [3, 50, 12],
  [2, 131, 5],
] as const;

export const GEMM: readonly Group[] = [
  ...COLUMNS.map((n) => ({
    title: `agrees with the oracle at every number of rows and depth: ${n} columns`,
    cases: (names = ACTIVATION_NAMES) => every_size(n, names),
  })),
  {
    title: 'crosses its blocks of 128 rows',
    cases: (names = ACTIVATION_NAMES) =>
      [127, 128, 129, 257].map((m) => gemm_case(random_gemm(m, 19, 6, among(names, 'Silu'), true))),
  },
  {
    title: 'agrees with the oracle at sizes of several tiles',
    cases: (names = ACTIVATION_NAMES) =>
      [
        [64, 64, 64],
        [65, 68, 32],
        [33, 100, 96],
        [100, 31, 130],
      ].map(([m, n, k]) => gemm_case(random_gemm(m!, n!, k!, among(names, 'Gelu'), true))),
  },
  {
    title: 'keeps pad lanes zero under an activation that is not zero at zero',
    cases: (names = ACTIVATION_NAMES) =>
      names
        .filter((name) => ACTIVATIONS[name](0) !== 0)
        .flatMap((activation) =>
          [1, 6, 17, 35].map((n) => gemm_case(random_gemm(5, n, 3, activation, true))),
        ),
  },
  {
    title: 'keeps a NaN and an infinity in their row',
    cases: () =>
      [NaN, Infinity].flatMap((bad) =>
        [1, 5, 40].map((m) => {
          const args = random_gemm(m, 18, 7, 'Relu', true);
          return gemm_case({ ...args, a: poisoned(args.a, (m >> 1) * 7 + 3, bad) });
        }),
      ),
  },
  {
    title: 'multiplies its rows by the gate of their picture first',
    cases: (names = ACTIVATION_NAMES) =>
      GATED.flatMap((sizes) =>
        [true, false].map((special) => gemm_case(gated_gemm(sizes, special, among(names, 'Silu')))),
      ),
  },
];
