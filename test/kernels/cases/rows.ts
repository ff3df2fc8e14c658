// Sums along a row.

import { expect } from 'vitest';
import { layernorm_bound, normalize_bound, similarity_bound, WASM } from '../support/bounds.ts';
import { expect_within } from '../support/compare.ts';
import {
  layernorm_op,
  normalize_op,
  similarity_op,
  type LayerNormArgs,
  type NormalizeArgs,
} from '../support/ops.ts';
import * as oracle from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { case_of, poisoned, type Case, type Group } from './case.ts';

export const WIDTHS = [1, 2, 3, 5, 7, 15, 16, 17, 33, 101];

export function random_layernorm(rows: number, width: number, eps: number, shift = 0): LayerNormArgs {
  const random = new Random(rows * 1000 + width);
  return {
    ...{ rows, width, eps },
    x: random.floats(rows * width, shift - 2, shift + 2),
    gamma: random.floats(width, 0.5, 1.5),
    beta: random.floats(width),
  };
}

function layernorm_case(args: LayerNormArgs): Case {
  return case_of(`${args.rows} × ${args.width}`, layernorm_op(args), (on) => {
    const { value, moments } = oracle.layernorm(args);
    return { value, bound: layernorm_bound(args, value, moments, on) };
  });
}

function normalize_case(args: NormalizeArgs): Case {
  return case_of(`${args.rows} × ${args.width}`, normalize_op(args), (on) => {
    const value = oracle.normalize(args);
    return { value, bound: normalize_bound(value, args.width, on) };
  });
}

/** One of three rows with a NaN at its end. */
function with_nan(width: number): LayerNormArgs {
  const args = random_layernorm(3, width, 1e-12);
  return { ...args, x: poisoned(args.x, 2 * width - 1, NaN) };
}

export const LAYER_NORM: readonly Group[] = [
  ...WIDTHS.flatMap((width) => [
    {
      title: `agrees with the oracle: rows of ${width}`,
      cases: () =>
        [1, 2, 7, 18].flatMap((rows) =>
          [1e-12, 1e-5, 0.1].map((eps) => layernorm_case(random_layernorm(rows, width, eps))),
        ),
    },
    {
      title: `agrees with the oracle far from zero, where a mean of squares would cancel: rows of ${width}`,
      cases: () => [layernorm_case(random_layernorm(3, width, 1e-5, 500))],
    },
  ]),
  {
    title: 'agrees with the oracle in wide rows',
    cases: () => [640, 768].map((width) => layernorm_case(random_layernorm(3, width, 1e-12))),
  },
  {
    title: 'fills a row with its NaN, and no other',
    cases: () => WIDTHS.map((width) => layernorm_case(with_nan(width))),
  },
  {
    title: 'of equal values is beta',
    cases: () => {
      const args = { ...random_layernorm(2, 6, 1e-12), x: new Float32Array(12).fill(0.25) };
      const want = Float64Array.from([...args.beta, ...args.beta]);
      const { op, check, name } = layernorm_case(args);
      // A quotient that is not exact moves the mean away from the values.
      const beta: Case['check'] = (got, on) =>
        on === WASM ? expect_within(got.out!, want, new Float64Array(12), 'beta') : check(got, on);
      return [{ name, op, check: beta }];
    },
  },
];

export const NORMALIZE: readonly Group[] = [
  ...WIDTHS.map((width) => ({
    title: `agrees with the oracle: rows of ${width}`,
    cases: () => {
      const random = new Random(width);
      return [1, 2, 7, 18].map((rows) =>
        normalize_case({ rows, width, x: random.floats(rows * width, -3, 3) }),
      );
    },
  })),
  {
    title: 'agrees with the oracle in wide rows',
    cases: () => [640, 768].map((width) => normalize_case(random_layernorm(3, width, 0))),
  },
  {
    title: 'fills a row with its NaN, and no other',
    cases: () => WIDTHS.map((width) => normalize_case(with_nan(width))),
  },
  {
    title: 'of a zero row is NaN, as transformers has no epsilon there',
    cases: () => {
      const args = { rows: 2, width: 3, x: Float32Array.of(0, 0, 0, 3, 0, 4) };
      const { op, check, name } = normalize_case(args);
      const zero: Case['check'] = (got, on) => {
        expect(got.out!.slice(0, 3).every(Number.isNaN)).toBe(true);
        check(got, on);
      };
      return [{ name, op, check: zero }];
    },
  },
];

export const SIMILARITY: readonly Group[] = [...WIDTHS, 640].map((width) => ({
  title: `agrees with the oracle: rows of ${width}`,
  cases: () => {
    const random = new Random(width);
    return [
      [1, 1],
      [2, 7],
      [5, 3],
      [17, 4],
    ].flatMap(([m, n]) =>
      [1, 0.07].map((temperature) => {
        const sizes = { m: m!, n: n!, k: width, temperature };
        const args = { ...sizes, a: random.floats(m! * width), b: random.floats(n! * width) };
        return case_of(`${m!} × ${n!} × ${width}`, similarity_op(args), (on) => {
          const sums = oracle.similarity(args);
          return { value: sums.value, bound: similarity_bound(sums, width, on) };
        });
      }),
    );
  },
}));
