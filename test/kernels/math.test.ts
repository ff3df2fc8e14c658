// assembly/simd/math.ts: the errors that its comments state, over the whole range of floats.

import { beforeAll, describe, expect, test } from 'vitest';
import { LEAST_EXP_ARGUMENT, MATH_ULP } from './support/bounds.ts';
import { compile_math, MATH_NAMES, type Apply, type MathName } from './support/compile_math.ts';
import { expect_same_bits } from './support/compare.ts';
import { ACTIVATIONS, erf, softplus } from './support/oracle.ts';

const TRUTH: Readonly<Record<MathName, (x: number) => number>> = {
  exp: Math.exp,
  sigmoid: ACTIVATIONS.Sigmoid,
  silu: ACTIVATIONS.Silu,
  erf,
  tanh: Math.tanh,
  softplus,
};

/** Every so many bit patterns; a prime, so that all low bits occur. */
const STRIDE = 1009;

/** Where eˣ overflows float32, and where its clamp ends. */
const EXP_TOP = 88.3;

let apply: Apply;
beforeAll(async () => {
  apply = await compile_math();
});

/** Floats of every sign, exponent and many mantissas. */
function all_floats(): Float32Array {
  const bits = new Uint32Array(Math.floor(2 ** 32 / STRIDE));
  for (let i = 0; i < bits.length; i++) bits[i] = i * STRIDE;
  return new Float32Array(bits.buffer);
}

const scratch = new Float32Array(1);
const scratch_bits = new Uint32Array(scratch.buffer);

/** The distance from the float nearest to y to the next. */
function ulp(y: number): number {
  scratch[0] = Math.abs(y);
  return 2 ** (Math.max(scratch_bits[0]! >>> 23, 1) - 150);
}

/** Whether the comment of `name` states a bound in ULP for x. */
function stated(name: MathName, x: number): boolean {
  if (name === 'erf' || name === 'tanh') return true;
  if (name === 'sigmoid' || name === 'silu') return x > -87;
  return x >= LEAST_EXP_ARGUMENT && (name === 'softplus' || x <= EXP_TOP);
}

describe.each(MATH_NAMES)('%s', (name) => {
  test(`is within ${MATH_ULP[name]} ULP`, () => {
    const x = all_floats();
    const got = apply(name, x);
    let worst = 0;
    let at = 0;
    for (let i = 0; i < x.length; i++) {
      const v = x[i]!;
      if (!Number.isFinite(v) || !stated(name, v)) continue;
      const want = TRUTH[name](v);
      const error = Math.abs(got[i]! - want) / ulp(want);
      if (error > worst) [worst, at] = [error, v];
    }
    expect(worst, `at ${at}`).toBeLessThanOrEqual(MATH_ULP[name]);
    // The statement is no looser than it has to be, within what this many samples can tell.
    expect(worst).toBeGreaterThan(0.7 * MATH_ULP[name]);
  });

  test('hands on NaN', () => {
    const bits = Uint32Array.of(0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff);
    expect(apply(name, new Float32Array(bits.buffer)).every(Number.isNaN)).toBe(true);
  });

  test('gives the same bits in all four lanes', () => {
    const x = all_floats().filter((_, i) => i % 97 === 0);
    const one = apply(name, x);
    for (const lane of [0, 1, 2, 3]) {
      const shifted = new Float32Array(x.length + lane);
      shifted.set(x, lane);
      expect_same_bits(apply(name, shifted).slice(lane), one, `lane ${lane}`);
    }
  });
});

test('exp is exactly 0 below its range, exact at 0, and finite above', () => {
  const below = Float32Array.of(-87.30001, -88, -103, -1000, -1e30, -3.4e38, -Infinity);
  expect([...apply('exp', below)]).toEqual(new Array(below.length).fill(0));
  expect([...apply('exp', Float32Array.of(0, -0))]).toEqual([1, 1]);
  const [top, ...above] = apply('exp', Float32Array.of(EXP_TOP, 88.4, 1000, Infinity));
  expect(above).toEqual([top, top, top]);
});

test('erf and tanh are odd, and exactly ±1 far out', () => {
  for (const name of ['erf', 'tanh'] as const) {
    expect([...apply(name, Float32Array.of(12, 1e30, Infinity, -12, -Infinity))]).toEqual([1, 1, 1, -1, -1]);
    const x = all_floats().filter((v, i) => i % 31 === 0 && v > 0);
    const mirrored = apply(
      name,
      x.map((v) => -v),
    ).map((v) => -v);
    expect_same_bits(mirrored, apply(name, x), name);
    expect([...apply(name, Float32Array.of(0, -0))]).toEqual([0, -0]);
  }
});

test('sigmoid and softplus keep to their ends', () => {
  const [low, high] = apply('sigmoid', Float32Array.of(-1e30, 1e30));
  expect(high).toBe(1);
  expect(low).toBeGreaterThanOrEqual(0);
  expect(low).toBeLessThan(1e-38);
  expect([...apply('softplus', Float32Array.of(-1e30, -Infinity, 100, 1e30, Infinity))]).toEqual([
    0,
    0,
    100,
    Math.fround(1e30),
    Infinity,
  ]);
});
