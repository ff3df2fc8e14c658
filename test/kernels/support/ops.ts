// One op each, as assembly/plan/plan.ts records it. Arrays are dense: maps [batch, h, w, channels], weights as in a
// checkpoint.

import { Activation, Format, MAX_PARTS, NONE, Pooling } from '../../../src/host/plan/layout.ts';
import { eight_bit_rows, eight_bit_width, widened_bytes, type FormatName } from './formats.ts';
import type { OpSpec } from './run_op.ts';
import {
  conv_block,
  depthwise_block,
  linear_block,
  rows_block,
  round_up,
  table_block,
  type Norm,
} from './weights.ts';

export type ActivationName = keyof typeof Activation;

/** Rows of a gated product that are scaled at a time (assembly/kernels/gemm.ts). */
const BLOCK = 128;

export interface GemmArgs {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Float32Array;
  /** Factors of the columns of a: [m / pixels, k]. */
  readonly gate?: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly residual?: Float32Array;
  readonly activation: ActivationName;
  /** How the weights are stored; F32 where absent. */
  readonly format?: FormatName;
}

export function gemm_op(args: GemmArgs): OpSpec {
  const { m, n, k, a, gate, weight, bias, residual, activation, format = 'F32' } = args;
  const ldc = round_up(n);
  const rows = format === 'Q8D' ? eight_bit_rows(a, k) : { data: a, width: k };
  const sizes = { m, n, k, lda: round_up(rows.width), ldr: ldc, ldc };
  return {
    kind: 'Gemm',
    fields: {
      ...{ gate: NONE, residual: NONE, scratch: NONE, gated: NONE, ...sizes },
      ...{
        activation: Activation[activation],
        format: Format[format],
        ...(gate && { pixels: (m * k) / gate.length }),
      },
    },
    inputs: {
      a: rows,
      ...(gate && { gate: { data: gate, width: k } }),
      ...(residual && { residual: { data: residual, width: n } }),
    },
    outputs: { c: { rows: m, width: n } },
    scratch: {
      ...(format !== 'F32' && { scratch: MAX_PARTS * widened_bytes(format, k) }),
      ...(gate && { gated: MAX_PARTS * Math.min(BLOCK, m) * round_up(k) * 4 }),
    },
    weights: { ...linear_block(n, k, weight, bias), format },
  };
}

export interface QuantizeArgs {
  readonly rows: number;
  readonly width: number;
  readonly x: Float32Array;
  /** Factors [rows / pixels, width]. */
  readonly gate?: Float32Array;
  readonly pixels?: number;
}

export function quantize_op({ rows, width, x, gate, pixels = rows }: QuantizeArgs): OpSpec {
  const ldo = eight_bit_width(width);
  return {
    kind: 'Quantize',
    fields: { gate: NONE, rows, width, pixels, ldx: round_up(width), ldo },
    inputs: { x: { data: x, width }, ...(gate && { gate: { data: gate, width } }) },
    outputs: { out: { rows, width: ldo } },
  };
}

/** Sizes of a convolution; `top` and `left` may be −1, which crops. */
export interface ConvShape {
  readonly batch: number;
  readonly h: number;
  readonly w: number;
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly top: number;
  readonly left: number;
  readonly out_h: number;
  readonly out_w: number;
}

export interface ConvArgs extends ConvShape {
  /** Output channels; of a depthwise convolution its channels. */
  readonly n: number;
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly norm: Norm;
  readonly activation: ActivationName;
  /** Depthwise: also the sums of the result's lines. */
  readonly sums?: boolean;
}

function conv_fields(args: ConvArgs): Record<string, number> {
  const { batch, h, w, out_h, out_w, kernel, stride, top, left, activation } = args;
  const sizes = { batch, in_h: h, in_w: w, out_h, out_w, kernel, stride, top, left };
  return { ...sizes, activation: Activation[activation] };
}

export function conv2d_op(args: ConvArgs): OpSpec {
  const { channels, kernel, n, batch, out_h, out_w } = args;
  const lda = round_up(channels);
  return {
    kind: 'Conv2d',
    fields: { ...conv_fields(args), lda, n, ldc: round_up(n) },
    inputs: { input: { data: args.x, width: channels } },
    outputs: { out: { rows: batch * out_h * out_w, width: n } },
    scratch: { scratch: MAX_PARTS * 2 * kernel * kernel * lda * 4 },
    weights: conv_block(n, channels, kernel, args.weight, args.norm),
  };
}

export function depthwise_op(args: ConvArgs): OpSpec {
  const { channels, kernel, batch, out_h, out_w, sums } = args;
  return {
    kind: 'Depthwise',
    fields: { ...conv_fields(args), channels, ldc: round_up(channels), ...(!sums && { sums: NONE }) },
    inputs: { input: { data: args.x, width: channels } },
    outputs: {
      out: { rows: batch * out_h * out_w, width: channels },
      ...(sums && { sums: { rows: batch * out_h, width: channels } }),
    },
    weights: depthwise_block(channels, kernel, args.weight, args.norm),
  };
}

/** A Gemm on the pixels of a map and a Depthwise on its result, in one; `band`: lines computed together. */
export function expand_depthwise_op(gemm: GemmArgs, filter: Omit<ConvArgs, 'x'>, band: number): OpSpec {
  const { h, w, kernel, stride, channels } = filter;
  const { inputs, fields, weights, scratch } = gemm_op(gemm);
  const lines = Math.min(h, (band - 1) * stride + kernel);
  const { outputs, ...second } = depthwise_op({ ...filter, x: new Float32Array(0) });
  return {
    kind: 'ExpandDepthwise',
    fields: { ...fields, lines, band },
    inputs,
    outputs,
    scratch: { ...scratch, c: MAX_PARTS * lines * w * round_up(channels) * 4 },
    ...(weights && { weights }),
    second: { kind: 'Depthwise', fields: second.fields, ...(second.weights && { weights: second.weights }) },
  };
}

export interface PoolArgs {
  readonly batch: number;
  readonly h: number;
  readonly w: number;
  readonly channels: number;
  readonly x: Float32Array;
  readonly pooling: keyof typeof Pooling;
  /** What a mean's sum is divided by; default h · w. */
  readonly count?: number;
}

export function pool_op({ batch, h, w, channels, x, pooling, count }: PoolArgs): OpSpec {
  return {
    kind: 'Pool',
    fields: { batch, h, w, ldc: round_up(channels), pooling: Pooling[pooling], count: count ?? h * w },
    inputs: { input: { data: x, width: channels } },
    outputs: { out: { rows: batch, width: channels } },
  };
}

export interface EmbeddingArgs {
  readonly rows: number;
  readonly width: number;
  readonly table: Float32Array;
  readonly ids: Int32Array;
  /** What the rows are added to. */
  readonly sum?: Float32Array;
  /** The id of the table's first row; default 0. */
  readonly first?: number;
  /** How the table is stored; F32 where absent. */
  readonly format?: FormatName;
}

export function embedding_op(args: EmbeddingArgs): OpSpec {
  const { rows, width, table, ids, sum, first = 0, format = 'F32' } = args;
  const tokens = ids.length;
  return {
    kind: 'Embedding',
    fields: {
      tokens,
      first,
      rows,
      ldc: round_up(width),
      accumulate: Number(sum !== undefined),
      format: Format[format],
    },
    inputs: { ids: { data: ids, width: tokens } },
    outputs: { out: { rows: tokens, width, ...(sum && { initial: sum }) } },
    weights: { ...table_block(rows, width, table), format },
  };
}

export interface LayerNormArgs {
  readonly rows: number;
  readonly width: number;
  readonly x: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly eps: number;
}

export function layernorm_op({ rows, width, x, gamma, beta, eps }: LayerNormArgs): OpSpec {
  return {
    kind: 'LayerNorm',
    fields: { rows, width, ldc: round_up(width), eps },
    inputs: { x: { data: x, width } },
    outputs: { out: { rows, width } },
    weights: rows_block(gamma, beta),
  };
}

export interface AttentionArgs {
  /** Tokens of each sequence, which lie one after another. */
  readonly lengths: readonly number[];
  /** Rows of qkv; those behind the last sequence belong to none. */
  readonly tokens: number;
  /** The longest that a sequence could be. */
  readonly length: number;
  readonly heads: number;
  readonly d: number;
  readonly qkv: Float32Array;
  /** [tokens], 0 for a key that nobody sees. */
  readonly mask: Int32Array;
  /** Also give the probabilities [sequences, heads, length, length]. */
  readonly probs?: boolean;
}

/** First rows of the sequences, and the row behind the last. */
export function starts_of(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => (starts[i + 1] = starts[i]! + length));
  return starts;
}

export function attention_op({ lengths, tokens, length, heads, d, qkv, mask, probs }: AttentionArgs): OpSpec {
  const sequences = lengths.length;
  const width = heads * d;
  const panel = (n: number): number => Math.ceil(n / 16) * 16;
  const floats = panel(length) * (d + 1) + panel(d) * (length + 1) + 16 * (panel(length) + panel(d));
  const slot = floats * 4;
  // The kernel reads integers a vector at a time: the recorder asks for one vector more than there are.
  const integers = (values: Int32Array): { data: Int32Array; width: number } => ({
    data: Int32Array.from([...values, 0, 0, 0, 0]),
    width: values.length + 4,
  });
  return {
    kind: 'Attention',
    fields: {
      ...{ probs: NONE, tokens, sequences, length, heads, d, slot, scale: 1 / Math.sqrt(d) },
      ...{ ldq: round_up(3 * width), ldp: round_up(length), ldo: round_up(width) },
    },
    inputs: {
      qkv: { data: qkv, width: 3 * width },
      starts: integers(starts_of(lengths)),
      mask: integers(mask),
    },
    outputs: {
      out: { rows: tokens, width },
      ...(probs && { probs: { rows: sequences * heads * length, width: length } }),
    },
    scratch: { scratch: MAX_PARTS * slot },
  };
}

export interface GatherArgs {
  readonly width: number;
  readonly x: Float32Array;
  readonly rows: Int32Array;
}

export function gather_op({ width, x, rows }: GatherArgs): OpSpec {
  return {
    kind: 'Gather',
    fields: { count: rows.length, ldc: round_up(width) },
    inputs: { x: { data: x, width }, rows: { data: rows, width: rows.length } },
    outputs: { out: { rows: rows.length, width } },
  };
}

export interface NormalizeArgs {
  readonly rows: number;
  readonly width: number;
  readonly x: Float32Array;
}

export function normalize_op({ rows, width, x }: NormalizeArgs): OpSpec {
  return {
    kind: 'Normalize',
    fields: { rows, width, ldc: round_up(width) },
    inputs: { x: { data: x, width } },
    outputs: { out: { rows, width } },
  };
}

export interface SimilarityArgs {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly temperature: number;
}

export function similarity_op({ m, n, k, a, b, temperature }: SimilarityArgs): OpSpec {
  return {
    kind: 'Similarity',
    fields: { m, n, k: round_up(k), ldo: round_up(n) },
    inputs: { a: { data: a, width: k }, b: { data: b, width: k } },
    outputs: { out: { rows: m, width: n } },
    weights: rows_block(Float32Array.of(temperature)),
  };
}
