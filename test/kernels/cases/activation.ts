// Activations, through a product that is x itself.

import { expect } from 'vitest';
import { activation_error } from '../support/bounds.ts';
import { expect_within } from '../support/compare.ts';
import { gemm_op, type ActivationName } from '../support/ops.ts';
import { ACTIVATIONS } from '../support/oracle.ts';
import type { OpSpec } from '../support/run_op.ts';
import { ACTIVATION_NAMES, type Case, type Group } from './case.ts';

/** Every sign and exponent with some mantissas, and an even grid where the functions bend. */
function samples(): Float32Array {
  const list = [0, -0];
  // Up to 2¹²⁵: from there on x · 6 of hardswish overflows, in torch as here.
  for (let exponent = -149; exponent < 125; exponent++)
    for (const mantissa of [1, 1.0000001, 1.2, 1.5, 1.75, 1.9999999])
      for (const sign of [1, -1]) list.push(sign * mantissa * 2 ** exponent);
  for (let i = -130 * 64; i <= 130 * 64; i++) list.push(i / 64 + 0.001);
  return Float32Array.from(list.filter((x) => Number.isFinite(Math.fround(x))));
}

/** f of every element: bias −0 leaves −0 what it is. */
export function activation_op(activation: ActivationName, x: Float32Array, width = 1): OpSpec {
  const weight = new Float32Array(width).fill(1);
  const bias = new Float32Array(width).fill(-0);
  return gemm_op({ m: x.length, n: width, k: 1, a: x, weight, bias, activation });
}

function whole_range(name: ActivationName): Case {
  const x = samples();
  return {
    name,
    op: activation_op(name, x),
    check: ({ c }, on) => {
      const want = Float64Array.from(x, ACTIVATIONS[name]);
      const bound = want.map((y, i) => activation_error(name, x[i]!, y, on));
      const beyond = want.map((y) => (Number.isFinite(Math.fround(y)) ? y : Math.fround(y)));
      expect_within(c!, beyond, bound, name);
    },
  };
}

function ends(name: ActivationName): Case {
  const x = Float32Array.of(NaN, Infinity, -Infinity);
  return {
    name,
    op: activation_op(name, x),
    check: ({ c }, on) => {
      expect(c![0]).toBeNaN();
      for (const i of [1, 2]) {
        // Where the formula is ∞ · 0, torch gives NaN; ours may give the infinity itself, but never a number.
        const want = ACTIVATIONS[name](x[i]!);
        if (Number.isNaN(want)) expect(c![i]).not.toSatisfy(Number.isFinite);
        else
          expect(Math.abs(c![i]! - want) <= activation_error(name, 0, want, on) || c![i] === want).toBe(true);
      }
    },
  };
}

export const ACTIVATION: readonly Group[] = [
  ...ACTIVATION_NAMES.map((name) => ({
    title: `${name} agrees with double precision over the whole range`,
    cases: () => [whole_range(name)],
  })),
  {
    title: 'every one hands on NaN, and at infinity what the formula gives',
    cases: () => ACTIVATION_NAMES.map(ends),
  },
];
