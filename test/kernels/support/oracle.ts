// Every op in double precision by naive loops, and beside each sum its magnitude Σ |terms|, which bounds.ts needs: the
// rounding of a sum grows with what goes into it, not with what comes out.

import type {
  ActivationName,
  AttentionArgs,
  ConvArgs,
  EmbeddingArgs,
  GemmArgs,
  LayerNormArgs,
  NormalizeArgs,
  PoolArgs,
  SimilarityArgs,
} from './ops.ts';
import { starts_of } from './ops.ts';
import type { Norm } from './weights.ts';

/** Sums and their magnitudes, element by element. */
export interface Sums {
  readonly value: Float64Array;
  readonly magnitude: Float64Array;
}

function sums(size: number): Sums {
  return { value: new Float64Array(size), magnitude: new Float64Array(size) };
}

function add({ value, magnitude }: Sums, i: number, term: number): void {
  value[i]! += term;
  magnitude[i]! += Math.abs(term);
}

/** erf: its Maclaurin series times e^−x², all terms of one sign; 1 to double precision from 6 on. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

function sigmoid(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** 1 + erf(x), of which nothing cancels: erfc by Lentz's continued fraction where erf nears −1. */
function one_plus_erf(x: number): number {
  if (x > -2 || Number.isNaN(x)) return 1 + erf(x);
  let fraction = 0;
  for (let n = 100; n > 0; n--) fraction = n / 2 / (-x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (-x + fraction);
}

const gelu = (x: number): number => (x / 2) * one_plus_erf(x / Math.SQRT2);

export const ACTIVATIONS: Readonly<Record<ActivationName, (x: number) => number>> = {
  Linear: (x) => x,
  Relu: (x) => Math.max(x, 0),
  Relu2: (x) => Math.max(x, 0) ** 2,
  Relu6: (x) => Math.min(Math.max(x, 0), 6),
  LeakyRelu: (x) => (x < 0 ? 0.01 * x : x),
  Sigmoid: sigmoid,
  Silu: (x) => x * sigmoid(x),
  QuickGelu: (x) => x * sigmoid(1.702 * x),
  Gelu: gelu,
  Gelu10: (x) => Math.min(Math.max(gelu(x), -10), 10),
  GeluTanh: (x) => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
  Tanh: (x) => Math.tanh(x),
  Hardswish: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
  Mish: (x) => x * Math.tanh(softplus(x)),
  Laplace: (x) => one_plus_erf((x - 0.707107) / (0.282095 * Math.SQRT2)) / 2,
  SqrtSoftplus: (x) => Math.sqrt(softplus(x)),
};

/** a · weightᵀ + bias, before activation and residual. */
export function gemm({ m, n, k, a, weight, bias }: GemmArgs): Sums {
  const out = sums(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      add(out, i * n + j, bias[j]!);
      for (let t = 0; t < k; t++) add(out, i * n + j, a[i * k + t]! * weight[j * k + t]!);
    }
  return out;
}

/** Batch norm behind a convolution: (x − mean) · gamma / √(variance + eps) + beta. */
function normed({ gamma, beta, mean, variance, eps }: Norm, c: number): { scale: number; shift: number } {
  const scale = gamma[c]! / Math.sqrt(variance[c]! + eps);
  return { scale, shift: beta[c]! - mean[c]! * scale };
}

/** Calls back for every input pixel under every output pixel: indices of pixels and the tap's. */
function each_tap(args: ConvArgs, visit: (out: number, input: number, tap: number) => void): void {
  const { batch, h, w, kernel, stride, top, left, out_h, out_w } = args;
  for (let b = 0; b < batch; b++)
    for (let y = 0; y < out_h; y++)
      for (let x = 0; x < out_w; x++)
        for (let ky = 0; ky < kernel; ky++)
          for (let kx = 0; kx < kernel; kx++) {
            const iy = y * stride + ky - top;
            const ix = x * stride + kx - left;
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            visit((b * out_h + y) * out_w + x, (b * h + iy) * w + ix, ky * kernel + kx);
          }
}

/** A dense convolution and its batch norm, before the activation. */
export function conv2d(args: ConvArgs): Sums {
  const { n, channels, kernel, x, weight, batch, out_h, out_w, norm } = args;
  const out = sums(batch * out_h * out_w * n);
  for (let i = 0; i < out.value.length; i++) add(out, i, normed(norm, i % n).shift);
  each_tap(args, (to, from, tap) => {
    for (let j = 0; j < n; j++)
      for (let c = 0; c < channels; c++) {
        const w = weight[(j * channels + c) * kernel * kernel + tap]! * normed(norm, j).scale;
        add(out, to * n + j, x[from * channels + c]! * w);
      }
  });
  return out;
}

/** A depthwise convolution and its batch norm, before the activation. */
export function depthwise(args: ConvArgs): Sums {
  const { channels, kernel, x, weight, batch, out_h, out_w, norm } = args;
  const out = sums(batch * out_h * out_w * channels);
  for (let i = 0; i < out.value.length; i++) add(out, i, normed(norm, i % channels).shift);
  each_tap(args, (to, from, tap) => {
    for (let c = 0; c < channels; c++) {
      const w = weight[c * kernel * kernel + tap]! * normed(norm, c).scale;
      add(out, to * channels + c, x[from * channels + c]! * w);
    }
  });
  return out;
}

/** Mean over each map, or its maximum, as torch has it: NaN where there is one. */
export function pool({ batch, h, w, channels, x, pooling }: PoolArgs): Sums {
  const out = sums(batch * channels);
  const pixels = h * w;
  for (let b = 0; b < batch; b++)
    for (let c = 0; c < channels; c++) {
      const at = b * channels + c;
      if (pooling === 'Max') out.value[at] = -Infinity;
      for (let p = 0; p < pixels; p++) {
        const v = x[(b * pixels + p) * channels + c]!;
        if (pooling === 'Mean') add(out, at, v / pixels);
        else out.value[at] = Math.max(out.value[at]!, v);
      }
    }
  return out;
}

export function embedding({ rows, width, table, ids, sum, first = 0 }: EmbeddingArgs): Float64Array {
  return Float64Array.from({ length: ids.length * width }, (_, i) => {
    const row = ids[Math.floor(i / width)]! - first;
    const value = row >= 0 && row < rows ? table[row * width + (i % width)]! : 0;
    return sum ? sum[i]! + value : value;
  });
}

/** Mean, 1 / √(variance + eps) and the largest |x| of each row, for the values and for their bounds. */
export interface RowMoments {
  readonly mean: number;
  readonly scale: number;
  readonly largest: number;
}

export function layernorm(args: LayerNormArgs): { value: Float64Array; moments: RowMoments[] } {
  const { rows, width, x, gamma, beta, eps } = args;
  const value = new Float64Array(rows * width);
  const moments: RowMoments[] = [];
  for (let i = 0; i < rows; i++) {
    let mean = 0;
    let variance = 0;
    let largest = 0;
    for (let j = 0; j < width; j++) mean += x[i * width + j]! / width;
    for (let j = 0; j < width; j++) variance += (x[i * width + j]! - mean) ** 2 / width;
    for (let j = 0; j < width; j++) largest = Math.max(largest, Math.abs(x[i * width + j]!));
    const scale = 1 / Math.sqrt(variance + eps);
    for (let j = 0; j < width; j++)
      value[i * width + j] = (x[i * width + j]! - mean) * scale * gamma[j]! + beta[j]!;
    moments.push({ mean, scale, largest });
  }
  return { value, moments };
}

/** Context [tokens, heads · d] with its magnitude Σ p |v|, probabilities, and the largest Σ |q k| · scale of each row and head. */
export interface AttentionTruth {
  readonly context: Sums;
  readonly probs: Float64Array;
  /** [tokens, heads] */
  readonly score_magnitude: Float64Array;
}

export function attention({ lengths, tokens, length, heads, d, qkv, mask }: AttentionArgs): AttentionTruth {
  const width = heads * d;
  const context = sums(tokens * width);
  const probs = new Float64Array(lengths.length * heads * length * length);
  const score_magnitude = new Float64Array(tokens * heads);
  const starts = starts_of(lengths);
  const at = (t: number, which: number, h: number, j: number): number =>
    qkv[t * 3 * width + which * width + h * d + j]!;
  lengths.forEach((count, s) => {
    const start = starts[s]!;
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < count; i++) {
        const row = start + i;
        const scores = sums(count);
        for (let key = 0; key < count; key++)
          for (let j = 0; j < d; j++)
            add(scores, key, (at(row, 0, h, j) * at(start + key, 1, h, j)) / Math.sqrt(d));
        score_magnitude[row * heads + h] = Math.max(...scores.magnitude);
        // transformers adds the lowest float to a masked score, which swallows the score.
        const masked = scores.value.map((v, key) => (mask[start + key] ? v : -3.4028234663852886e38));
        const top = Math.max(...masked);
        const weights = masked.map((v) => Math.exp(v - top));
        const total = weights.reduce((a, b) => a + b, 0);
        for (let key = 0; key < count; key++) {
          const p = weights[key]! / total;
          probs[((s * heads + h) * length + i) * length + key] = p;
          for (let j = 0; j < d; j++) add(context, row * width + h * d + j, p * at(start + key, 2, h, j));
        }
      }
  });
  return { context, probs, score_magnitude };
}

export function normalize({ rows, width, x }: NormalizeArgs): Float64Array {
  const out = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    let squares = 0;
    for (let j = 0; j < width; j++) squares += x[i * width + j]! ** 2;
    for (let j = 0; j < width; j++) out[i * width + j] = x[i * width + j]! / Math.sqrt(squares);
  }
  return out;
}

export function similarity({ m, n, k, a, b, temperature }: SimilarityArgs): Sums {
  const out = sums(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let t = 0; t < k; t++)
        add(out, i * n + j, (a[i * k + t]! * b[j * k + t]!) / Math.fround(temperature));
  return out;
}
