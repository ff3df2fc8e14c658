// How far a kernel may be from the oracle: forward error analysis with the roundings that its code makes, never a number
// that happened to pass. U is half an ULP of a float in [1, 2), the relative error of one operation rounded to nearest.
// Sums may be taken in any order, their products fused or not. What an executor's arithmetic may do beyond that, its
// specification states: `Arithmetic`.

import { ACTIVATIONS, type AttentionTruth, type RowMoments, type Sums } from './oracle.ts';
import type { ActivationName, AttentionArgs, GemmArgs, LayerNormArgs } from './ops.ts';

export const U = 2 ** -24;

/** The smallest normal float, below which relative errors mean nothing. */
const TINY = 2 ** -126;

/** What results below that are multiples of. */
const SUBNORMAL = 2 ** -149;

/** assembly/simd/math.ts states its errors in ULP, each up to 2 U of the value; math.test.ts proves them. */
export const MATH_ULP = { exp: 1, sigmoid: 3, silu: 3, erf: 9, tanh: 7, softplus: 5 } as const;

/** Below it exp is 0. */
export const LEAST_EXP_ARGUMENT = -87.3;

/** Errors where exp is 0 instead, and 1 / e^88.3 is the least that sigmoid gives. */
const LEAST_EXP = Math.exp(LEAST_EXP_ARGUMENT);
const LEAST_SIGMOID = Math.exp(-88.3);

/** How an executor computes. */
export interface Arithmetic {
  /** Errors of a quotient and of a root, in ULP. */
  readonly quotient: number;
  readonly root: number;
  /** Below it a number may become 0. */
  readonly flushed: number;
  /** What sigmoid may give instead of less. */
  readonly least_sigmoid: number;
}

/** Everything rounded to nearest, as IEEE 754 has it. */
export const WASM: Arithmetic = { quotient: 0.5, root: 0.5, flushed: 0, least_sigmoid: LEAST_SIGMOID };

/**
 * WGSL, "Floating point accuracy": a quotient within 2.5 ULP, a root as 1 / inverseSqrt, so within 2 more; subnormals may
 * be flushed. Sums and products are rounded to nearest on every driver that there is. math.wgsl's exp is 0 where
 * simd/math.ts goes on to e^−88.3.
 */
export const WGSL: Arithmetic = { quotient: 2.5, root: 4.5, flushed: TINY, least_sigmoid: LEAST_EXP };

/** Relative errors of a quotient and of a root beyond U, which the bounds count as that of any operation. */
const quotient_more = ({ quotient }: Arithmetic): number => (quotient - 0.5) * 2 * U;
const root_more = ({ root }: Arithmetic): number => (root - 0.5) * 2 * U;

/** ULP of a function that ends in a quotient. */
function math_ulp(name: Exclude<keyof typeof MATH_ULP, 'exp'>, { quotient }: Arithmetic): number {
  return MATH_ULP[name] + quotient - 0.5;
}

/**
 * A chain of `terms` products: each term meets at most terms + 1 additions and one product, and the weight itself was
 * rounded once when a batch norm was folded in. (1 + U)^n − 1 < 1.01 n U for these n.
 */
function chain_error(terms: number, magnitude: number, { flushed }: Arithmetic): number {
  return 1.01 * (terms + 3) * U * magnitude + TINY + (terms + 1) * flushed;
}

/**
 * Error of an activation itself at exactly x, where y is the truth: the errors of the functions it is made of, and of
 * each operation after them. Where 1 + erf or 1 + tanh cancels, the error stays that of the sum, so it is absolute.
 */
export function activation_error(f: ActivationName, x: number, y: number, on: Arithmetic = WASM): number {
  if (f === 'Linear' || f === 'Relu' || f === 'Relu6') return on.flushed;
  return normal_error(f, x, y, on) + 4 * (SUBNORMAL + on.flushed);
}

function normal_error(
  f: Exclude<ActivationName, 'Linear' | 'Relu' | 'Relu6'>,
  x: number,
  y: number,
  on: Arithmetic,
): number {
  const ulp = 2 * U * Math.abs(y);
  const a = Math.abs(x);
  const quotient = quotient_more(on) * Math.abs(y);
  switch (f) {
    case 'Relu2':
      return ulp;
    case 'LeakyRelu':
      return 2 * ulp; // 0.01 is rounded too
    case 'Sigmoid':
      return math_ulp('sigmoid', on) * ulp + on.least_sigmoid;
    case 'Silu':
      return math_ulp('silu', on) * ulp + a * on.least_sigmoid;
    case 'QuickGelu':
      // 1.702 x is rounded twice, and e^z turns an absolute error of z into a relative one.
      return (math_ulp('sigmoid', on) + 1 + 1.702 * a) * ulp + a * on.least_sigmoid;
    case 'Gelu':
    case 'Gelu10':
      if (a > 5.6) return Math.abs(y) * Number(x < 0) + 2 * ulp; // erf is ±1 exactly, the product −0
      // The argument of erf is rounded twice: at most 2 U · |z erf′(z)| < U; then the sum, the products.
      return a * U * (math_ulp('erf', on) + 1 + 2) + 2 * ulp;
    case 'GeluTanh':
      if (a > 5.2) return Math.abs(y) * Number(x < 0) + 2 * ulp;
      // As Gelu; the inner cubic is five roundings, |z tanh′(z)| < 0.45.
      return a * U * (math_ulp('tanh', on) + 0.45 * 5 + 2) + 2 * ulp;
    case 'Tanh':
      return math_ulp('tanh', on) * ulp;
    case 'Hardswish':
      return a * U + 2 * ulp + quotient; // x + 3 may cancel
    case 'Mish':
      return (2 * MATH_ULP.exp + 6) * ulp + quotient + a * LEAST_EXP;
    case 'Laplace':
      // The argument: the difference, the quotient and two rounded constants, 4 U (|z| + 2) against erf′ < 1.13 that
      // has died away beyond |z| = 4.
      return U * (math_ulp('erf', on) + 1 + 1.13 * 4 * 6) + 1.13 * 4 * quotient_more(on) + ulp;
    case 'SqrtSoftplus':
      return (math_ulp('softplus', on) / 2 + 1) * ulp + root_more(on) * Math.abs(y) + Math.sqrt(LEAST_EXP);
  }
}

/** activation(sum of `terms` products) + residual: value and bound. */
export function activated(
  { value, magnitude }: Sums,
  terms: number,
  f: ActivationName,
  residual?: Float32Array,
  on: Arithmetic = WASM,
): { value: Float64Array; bound: Float64Array } {
  const act = ACTIVATIONS[f];
  const out = new Float64Array(value.length);
  const bound = value.map((x, i) => {
    const e = chain_error(terms, magnitude[i]!, on);
    const y = act(x);
    // The sum's error goes through the function: whichever way it moves y more, and the curve in between.
    const moved = Math.max(Math.abs(act(x + e) - y), Math.abs(act(x - e) - y)) + e * 1e-3;
    out[i] = y + (residual?.[i] ?? 0);
    return moved + activation_error(f, x, y, on) + U * Math.abs(out[i]) + TINY;
  });
  return { value: out, bound };
}

/** A mean over a map h × w: sums along rows, then of rows, then the quotient. */
export function mean_bound({ magnitude }: Sums, h: number, w: number, on: Arithmetic = WASM): Float64Array {
  return magnitude.map((m) => (1.01 * (h + w + 1) * U + quotient_more(on)) * m + h * w * on.flushed);
}

/** Four lane sums of a row of `width`, then their sum: this many roundings meet a term. */
function row_roundings(width: number): number {
  return Math.ceil(width / 4) + 3;
}

/**
 * LayerNorm: the mean's error shifts every column; the variance's relative error counts half, as the root of it is
 * taken; then difference, root, quotient, two products and the sum with beta.
 */
export function layernorm_bound(
  { rows, width, gamma, beta, eps }: LayerNormArgs,
  value: Float64Array,
  moments: readonly RowMoments[],
  on: Arithmetic = WASM,
): Float64Array {
  const bound = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const { scale, largest } = moments[i]!;
    const mean_error = (row_roundings(width) * U + quotient_more(on)) * largest;
    // Each centred value is wrong by that and by its own rounding, which changes the mean of squares, at first order,
    // by 2 · error · mean |centred| ≤ 2 · error / scale.
    const centred_error = mean_error + 2 * U * largest;
    const variance_error =
      2 * centred_error * scale +
      centred_error ** 2 * scale ** 2 +
      row_roundings(width) * U +
      quotient_more(on);
    const relative = variance_error / 2 + 8 * U + (eps > 0 ? U : 0) + root_more(on) + quotient_more(on);
    for (let j = 0; j < width; j++) {
      const at = i * width + j;
      const spread = Math.abs(value[at]! - beta[j]!);
      bound[at] =
        Math.abs(gamma[j]!) * scale * centred_error + 1.01 * relative * spread + 2 * U * Math.abs(value[at]!);
    }
  }
  return bound;
}

/**
 * Attention: a score's error (a chain over d, two roundings of the scale) becomes a relative error of e^score, twice,
 * as the largest score is subtracted; exp, the sum over keys and the quotient add theirs; then a chain over the keys.
 */
export function attention_bounds(
  { lengths, length, heads, d }: AttentionArgs,
  { context, probs, score_magnitude }: AttentionTruth,
  on: Arithmetic = WASM,
): { context: Float64Array; probs: Float64Array } {
  const relative = (row: number, head: number, count: number): number => {
    const score = 1.01 * (d + 4) * U * score_magnitude[row * heads + head]!;
    // The sum over keys moves by the same relative error again.
    return (
      2 * (2 * score + 2 * U * score_magnitude[row * heads + head]! + 2 * MATH_ULP.exp * U) +
      (row_roundings(count) + 1) * U +
      quotient_more(on)
    );
  };
  const width = heads * d;
  const context_bound = new Float64Array(context.value.length);
  const probs_bound = new Float64Array(probs.length);
  let row = 0;
  lengths.forEach((count, s) => {
    for (let i = 0; i < count; i++, row++)
      for (let h = 0; h < heads; h++) {
        const r = relative(row, h, count);
        const base = ((s * heads + h) * length + i) * length;
        for (let key = 0; key < count; key++)
          probs_bound[base + key] = 1.01 * r * probs[base + key]! + LEAST_EXP;
        for (let j = 0; j < d; j++) {
          const at = row * width + h * d + j;
          context_bound[at] = (1.01 * r + (count + 3) * U) * context.magnitude[at]! + count * LEAST_EXP;
        }
      }
  });
  return { context: context_bound, probs: probs_bound };
}

/** x / ‖x‖: half the error of the sum of squares, then the root and the quotient. */
export function normalize_bound(value: Float64Array, width: number, on: Arithmetic = WASM): Float64Array {
  const relative = 1.01 * (row_roundings(width) / 2 + 3) * U + root_more(on) + quotient_more(on);
  return value.map((y) => relative * Math.abs(y) + TINY);
}

/** a · b / temperature in lane sums. */
export function similarity_bound({ value, magnitude }: Sums, k: number, on: Arithmetic = WASM): Float64Array {
  const quotient = 2 * U + quotient_more(on);
  return value.map((y, i) => 1.01 * row_roundings(k) * U * magnitude[i]! + quotient * Math.abs(y) + TINY);
}

/**
 * A Q8D product against the true one. Each activation is off by half a step of its row, each weight by half a step of
 * its column, a step being the largest / 127; the rounded factor 127 / largest may move a tie by 127 · 2 U of a step,
 * the rounded scale q · 2 U more. Then the sum becomes a float and meets two products of scales and the bias.
 */
export function eight_bit_bound({ m, n, k, a, weight, bias }: GemmArgs): Float64Array {
  const half = 0.5 + 127 * 4 * U;
  const largest = (v: Float32Array, i: number): number =>
    v.subarray(i * k, (i + 1) * k).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const bound = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      const row = (half * largest(a, i)) / 127;
      const column = (half * largest(weight, j)) / 127;
      let magnitude = 0;
      for (let t = 0; t < k; t++) {
        const [x, w] = [Math.abs(a[i * k + t]!), Math.abs(weight[j * k + t]!)];
        bound[i * n + j]! += x * column + w * row + row * column;
        magnitude += (x + row) * (w + column);
      }
      bound[i * n + j]! += 4 * U * (magnitude + Math.abs(bias[j]!));
    }
  return bound;
}
