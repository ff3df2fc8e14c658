// assembly/kernels/activation.ts, through a Gemm whose product is x itself.

import { describe, expect, test } from 'vitest';
import { Activation } from '../../src/host/plan/layout.ts';
import { activation_error } from './support/bounds.ts';
import { expect_same_bits, expect_within } from './support/compare.ts';
import { gemm_op, type ActivationName } from './support/ops.ts';
import { ACTIVATIONS } from './support/oracle.ts';
import { result_of } from './support/run_op.ts';

const NAMES = Object.keys(Activation) as ActivationName[];

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
async function apply(activation: ActivationName, x: Float32Array, width = 1): Promise<Float32Array> {
  const weight = new Float32Array(width).fill(1);
  const bias = new Float32Array(width).fill(-0);
  return result_of(gemm_op({ m: x.length, n: width, k: 1, a: x, weight, bias, activation }));
}

describe.each(NAMES)('%s', (name) => {
  test('agrees with double precision over the whole range', async () => {
    const x = samples();
    const want = Float64Array.from(x, ACTIVATIONS[name]);
    const bound = want.map((y, i) => activation_error(name, x[i]!, y));
    const beyond = want.map((y) => (Number.isFinite(Math.fround(y)) ? y : Math.fround(y)));
    expect_within(await apply(name, x), beyond, bound, name);
  });

  test('hands on NaN, and at infinity what the formula gives', async () => {
    const x = Float32Array.of(NaN, Infinity, -Infinity);
    const got = await apply(name, x);
    expect(got[0]).toBeNaN();
    for (const i of [1, 2]) {
      // Where the formula is ∞ · 0, torch gives NaN; ours may give the infinity itself, but never a number.
      const want = ACTIVATIONS[name](x[i]!);
      if (Number.isNaN(want)) expect(got[i]).not.toSatisfy(Number.isFinite);
      else expect(Math.abs(got[i]! - want) <= activation_error(name, 0, want) || got[i] === want).toBe(true);
    }
  });

  test('gives every lane and every vector of a row the same bits', async () => {
    const x = Float32Array.of(-3.7, -0.4, 0.3, 2.9);
    const one = await apply(name, x);
    for (const width of [4, 7, 8, 16, 31]) {
      const got = await apply(name, x, width);
      const want = Float32Array.from({ length: 4 * width }, (_, i) => one[Math.floor(i / width)]!);
      expect_same_bits(got, want, `${width} columns`);
    }
  });
});
