// Products with weights in every narrow format.

import { expect } from 'vitest';
import { activated, eight_bit_bound, U, WASM } from '../support/bounds.ts';
import { expect_same_bits, expect_within } from '../support/compare.ts';
import * as formats from '../support/formats.ts';
import { NARROW, type FormatName } from '../support/formats.ts';
import { gemm_op, type ActivationName, type GemmArgs } from '../support/ops.ts';
import * as oracle from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { ACTIVATION_NAMES, among, case_of, poisoned, type Case, type Group } from './case.ts';
import { gated_gemm, product, random_gemm } from './gemm.ts';

export const WEIGHT_ONLY = NARROW.filter((format) => format !== 'Q8D');
export const ROWS = [1, 2, 3, 5, 16, 33];
export const DEPTHS = [1, 2, 3, 7, 15, 32, 33, 70];
export const COLUMNS = [1, 3, 15, 16, 17, 33, 50];

/** Products of every size; with many rows a third of them. */
export function every_size(names: readonly ActivationName[] = ACTIVATION_NAMES): GemmArgs[] {
  let turn = 0;
  return COLUMNS.flatMap((n) =>
    ROWS.flatMap((m) =>
      DEPTHS.flatMap((k) =>
        turn++ % 3 !== 0 && m > 3 ? [] : [random_gemm(m, n, k, names[turn % names.length], turn % 2 === 0)],
      ),
    ),
  );
}

/** A product with weights as `format` holds them, in f32. */
export function restored(args: GemmArgs, format: FormatName): GemmArgs {
  return { ...args, weight: formats.restored(format, args.weight, args.k) };
}

function narrow_case(args: GemmArgs, format: FormatName): Case {
  const name = `${args.m} × ${args.n} × ${args.k} ${args.activation} in ${format}`;
  return case_of(name, gemm_op({ ...args, format }), (on) => product(restored(args, format), on));
}

/** What a Q8D product is by definition: exact integers, then three roundings. */
export function eight_bit_product({ m, n, k, a, weight, bias }: GemmArgs): oracle.Sums {
  const value = new Float64Array(m * n);
  const magnitude = new Float64Array(m * n);
  const columns = Array.from({ length: n }, (_, j) => formats.eight_bits(weight.slice(j * k, (j + 1) * k)));
  for (let i = 0; i < m; i++) {
    const row = formats.eight_bits(a.slice(i * k, (i + 1) * k));
    columns.forEach(({ q, scale }, j) => {
      const sum = Math.fround(q.reduce((total, v, t) => total + v * row.q[t]!, 0));
      const scaled = Math.fround(sum * Math.fround(row.scale * scale));
      value[i * n + j] = Math.fround(scaled + bias[j]!);
      magnitude[i * n + j] = Math.abs(scaled) + Math.abs(bias[j]!);
    });
  }
  return { value, magnitude };
}

/** The same integers everywhere; what is done with them to the bit in WASM, elsewhere fused or not. */
function eight_bit_case(args: GemmArgs): Case {
  const name = `${args.m} × ${args.n} × ${args.k} in Q8D`;
  const { value, magnitude } = eight_bit_product(args);
  return {
    name,
    op: gemm_op({ ...args, format: 'Q8D' }),
    check: (got, on) =>
      on === WASM
        ? expect_same_bits(got.c!, Float32Array.from(value), name)
        : expect_within(got.c!, value, magnitude.map((v) => 4 * U * v), name), // prettier-ignore
  };
}

/** Whole numbers, the largest of every row and column 127: scales are 1 and sums come out as they are. */
function integers(m: number, n: number, k: number): GemmArgs {
  const random = new Random(m + n + k);
  const whole = (count: number): Float32Array =>
    random.floats(count, -127.49, 127.49).map((v, i) => (i % k === 0 ? 127 : Math.round(v)));
  return {
    ...{ m, n, k, activation: 'Linear' },
    ...{ a: whole(m * k), weight: whole(n * k), bias: new Float32Array(n) },
  };
}

function integer_case(m: number, n: number, k: number): Case {
  const args = integers(m, n, k);
  const want = Float32Array.from(oracle.gemm(args).value);
  const name = `${m} × ${n} × ${k} whole numbers`;
  const check: Case['check'] = ({ c }) => expect_same_bits(c!, want, name);
  return { name, op: gemm_op({ ...args, format: 'Q8D' }), check };
}

export const GEMM_NARROW: readonly Group[] = WEIGHT_ONLY.flatMap((format) => [
  {
    title: `agrees with the oracle with weights in ${format}`,
    cases: (names) => every_size(names).map((args) => narrow_case(args, format)),
  },
  {
    title: `crosses blocks of 128 rows with weights in ${format}`,
    cases: (names = ACTIVATION_NAMES) =>
      [127, 129, 257].map((m) => narrow_case(random_gemm(m, 19, 40, among(names, 'Silu'), true), format)),
  },
  {
    title: `multiplies by a gate with weights in ${format}`,
    cases: (names = ACTIVATION_NAMES) => [
      narrow_case(gated_gemm([3, 50, 12], false, among(names, 'Silu')), format),
    ],
  },
  {
    title: `keeps a NaN in its row, and hands on a NaN among the weights in ${format}`,
    cases: () => {
      const args = random_gemm(5, 18, 7, 'Relu', true);
      const weights = [NaN, Infinity].map((bad): Case => ({
        name: `${bad} among the weights`,
        op: gemm_op({ ...args, activation: 'Linear', weight: poisoned(args.weight, 4 * 7 + 1, bad), format }),
        check: ({ c }) => {
          for (let i = 0; i < 5; i++) expect(Number.isFinite(c![i * 18 + 4])).toBe(false);
        },
      }));
      return [narrow_case({ ...args, a: poisoned(args.a, 2 * 7 + 3, NaN) }, format), ...weights];
    },
  },
]);

export const GEMM_Q8D: readonly Group[] = [
  {
    title: 'sums exactly',
    cases: () =>
      COLUMNS.flatMap((n) =>
        ROWS.flatMap((m) => DEPTHS.map((k) => eight_bit_case(random_gemm(m, n, k, 'Linear')))),
      ),
  },
  {
    title: 'gives whole numbers as they are',
    cases: () => [integer_case(1, 50, 70), integer_case(5, 17, 33), integer_case(70, 66, 300)],
  },
  {
    title: 'holds the largest sums that there can be',
    cases: () =>
      [3072, 40001].map((k) => {
        const a = new Float32Array(2 * k).fill(1).fill(-1, k);
        const weight = new Float32Array(3 * k).fill(1);
        return eight_bit_case({ ...random_gemm(2, 3, k, 'Linear'), a, weight });
      }),
  },
  {
    title: 'applies every activation and residual to that',
    cases: (names = ACTIVATION_NAMES) =>
      names.flatMap((activation, i) =>
        [6, 17, 35].map((n, j) => {
          const turn = 3 * i + j;
          const args = random_gemm(5, n, 20 + turn, activation, turn % 2 === 0);
          const { value, magnitude } = eight_bit_product(args);
          return case_of(activation, gemm_op({ ...args, format: 'Q8D' }), (on) => {
            const sums = { value, magnitude: on === WASM ? new Float64Array(value.length) : magnitude };
            return activated(sums, 0, activation, args.residual, on);
          });
        }),
      ),
  },
  {
    title: 'is within the rounding to 8 bits of the true product',
    cases: () =>
      [
        [3, 17, 33],
        [7, 20, 100],
        [2, 5, 768],
      ].map(([m, n, k]) => {
        const args = random_gemm(m!, n!, k!, 'Linear');
        const { value } = oracle.gemm(args);
        const bound = eight_bit_bound(args);
        return case_of(`${m!} × ${n!} × ${k!}`, gemm_op({ ...args, format: 'Q8D' }), () => ({
          value,
          bound,
        }));
      }),
  },
  {
    title: 'lets a row whose scale is NaN reach every output of its row, and no other row',
    cases: () =>
      [NaN, Infinity].map((bad) => {
        const args = random_gemm(4, 18, 21, 'Linear');
        return eight_bit_case({ ...args, a: poisoned(args.a, 2 * 21 + 3, bad) });
      }),
  },
];
