// Elementary functions on four f32 lanes: only +, −, ×, ÷, √ and integer steps, so every host gives the same bits.
// Coefficients are our own weighted minimax fits. Constants are read from memory with a broadcasting load: a splat of a
// literal inside a loop costs V8 several instructions (swish 2.1 ns an element instead of 1.3, measured).
// NaN in, NaN out. Stated errors are tested over the whole range (test/kernels/math.test.ts).

import { madd } from './lanes';

// @ts-ignore: decorator
@inline
function at(table: usize, i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

// Horner's scheme over coefficients first … last of a table, highest power first.
// @ts-ignore: decorator
@inline
function step(p: v128, x: v128, table: usize, i: usize): v128 {
  return madd(at(table, i), p, x);
}

// 0, 1 range | 2 log2 e | 3 1.5 · 2²³ | 4, 5 ln 2 in two parts | 6 … 10 (eʳ − 1 − r) / r², highest power first | 11 one
const EXP = memory.data<f32>([
  -87.3, 88.3, 1.442695041, 12582912, -0.693359375, 2.12194440e-4, 1.3814537087e-3, 8.3687463775e-3, 4.1668392718e-2,
  0.16666521132, 0.49999994040, 1,
]);

// The same for e⁻ˣ, as a function of x and −r.
const EXP_MINUS = memory.data<f32>([
  -88.3, 87.3, -1.442695041, 12582912, 0.693359375, -2.12194440e-4, 1.3814537087e-3, -8.3687463775e-3, 4.1668392718e-2,
  -0.16666521132, 0.49999994040, 1,
]);

// eˣ (table EXP) or e⁻ˣ for x in the table's range: ±x = n · ln 2 + r. Adding 1.5 · 2²³ rounds to an integer and leaves n
// in the low bits of `t`, from where it goes to the exponent: in one step less where the caller sees to NaN. The
// polynomial's halves do not wait for each other.
// @ts-ignore: decorator
@inline
function exp_inside(x: v128, table: usize, nan: bool): v128 {
  const magic = at(table, 3);
  const t = f32x4.add(f32x4.mul(x, at(table, 2)), magic);
  const n = f32x4.sub(t, magic);
  const r = f32x4.add(f32x4.add(x, f32x4.mul(n, at(table, 4))), f32x4.mul(n, at(table, 5)));
  const s = f32x4.mul(r, r);
  const low = madd(at(table, 10), r, at(table, 9));
  const high = madd(madd(at(table, 8), r, at(table, 7)), s, at(table, 6));
  const p = f32x4.mul(madd(low, s, high), s);
  const one = at(table, 11);
  const e = f32x4.add(table == EXP ? f32x4.add(p, r) : f32x4.sub(p, r), one);
  const power = i32x4.shl(t, 23);
  return nan ? f32x4.mul(e, i32x4.add(power, one)) : i32x4.add(e, power);
}

// 1 + e⁻ˣ, x clamped: beyond, the sum has rounded to 1 or is too large to matter.
// @ts-ignore: decorator
@inline
function one_plus_exp_minus(x: v128, nan: bool): v128 {
  x = f32x4.pmin(f32x4.pmax(x, at(EXP_MINUS, 0)), at(EXP_MINUS, 1));
  return f32x4.add(at(EXP_MINUS, 11), exp_inside(x, EXP_MINUS, nan));
}

/** eˣ within 1 ULP on [−87.3, 88.3]; exactly 0 below; e^88.3 above. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = f32x4.pmin(x, at(EXP, 1));
  return v128.andnot(exp_inside(x, EXP, true), f32x4.lt(x, at(EXP, 0)));
}

/** 1 / (1 + e⁻ˣ) within 3 ULP for x > −87. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(at(EXP, 11), one_plus_exp_minus(x, true));
}

/** x / (1 + e⁻ˣ) within 3 ULP for x > −87. */
// @ts-ignore: decorator
@inline
export function silu(x: v128): v128 {
  return f32x4.div(x, one_plus_exp_minus(x, false));
}

// x · P(x²) / Q(x²) with |x| clamped where erf rounds to 1, and at a place where this quotient does: gelu of a large
// negative x must be 0, not x times what is left. 0 clamp | 1 … 6 P | 7 … 11 Q | 12 one
const ERF = memory.data<f32>([
  3.93, 2.0259042356910037e-6, 2.8468865138396484e-4, 3.8081960289429377e-3, 5.2875555472110876e-2, 0.1915510899899534,
  1.1283791437409405, 3.783180958346156e-5, 1.1707343472014602e-3, 1.5055159511656658e-2, 0.11455995088483942,
  0.5030904091091604, 1,
]);

/** erf within 9 ULP (near 1, where it is worst: 5e−7). */
// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  const c = at(ERF, 0);
  x = f32x4.pmax(f32x4.pmin(x, c), f32x4.neg(c));
  const t = f32x4.mul(x, x);
  let p = step(at(ERF, 1), t, ERF, 2);
  p = step(p, t, ERF, 3);
  p = step(p, t, ERF, 4);
  p = step(p, t, ERF, 5);
  p = step(p, t, ERF, 6);
  let q = step(at(ERF, 7), t, ERF, 8);
  q = step(q, t, ERF, 9);
  q = step(q, t, ERF, 10);
  q = step(q, t, ERF, 11);
  q = step(q, t, ERF, 12);
  return f32x4.div(f32x4.mul(x, p), q);
}

// As ERF: 0 clamp | 1 … 6 P | 7 … 10 Q | 11 one
const TANH = memory.data<f32>([
  9.012, -1.220348954448695e-11, 3.058505424872591e-8, 2.8007471724729324e-5, 3.868328357404752e-3, 0.13679915547419233,
  0.999999998691104, 1.2873675129602589e-6, 3.9386322144968925e-4, 2.7245841013052073e-2, 0.47013247607899655, 1,
]);

/** tanh within 7 ULP (near 1, where it is worst: 4e−7). */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const c = at(TANH, 0);
  x = f32x4.pmax(f32x4.pmin(x, c), f32x4.neg(c));
  const t = f32x4.mul(x, x);
  let p = step(at(TANH, 1), t, TANH, 2);
  p = step(p, t, TANH, 3);
  p = step(p, t, TANH, 4);
  p = step(p, t, TANH, 5);
  p = step(p, t, TANH, 6);
  let q = step(at(TANH, 7), t, TANH, 8);
  q = step(q, t, TANH, 9);
  q = step(q, t, TANH, 10);
  q = step(q, t, TANH, 11);
  return f32x4.div(f32x4.mul(x, p), q);
}

// log(1 + y) / y as P(y) / Q(y): 0 … 3 P | 4 … 6 Q | 7 one
const LOG1P = memory.data<f32>([
  3.417285546106773e-3, 0.23815764438104603, 1.066218668650307, 0.9999999990600289, 7.528733068993707e-2,
  0.6879365067687903, 1.5662185381185527, 1,
]);

/** log(1 + eˣ) within 5 ULP where exp is not 0: max(x, 0) + log1p(e^−|x|), the logarithm's argument in [0, 1]. */
// @ts-ignore: decorator
@inline
export function softplus(x: v128): v128 {
  const y = exp(f32x4.neg(f32x4.abs(x)));
  let p = step(at(LOG1P, 0), y, LOG1P, 1);
  p = step(p, y, LOG1P, 2);
  p = step(p, y, LOG1P, 3);
  let q = step(at(LOG1P, 4), y, LOG1P, 5);
  q = step(q, y, LOG1P, 6);
  q = step(q, y, LOG1P, 7);
  return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), f32x4.div(f32x4.mul(y, p), q));
}
