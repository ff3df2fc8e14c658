// The op record: one step of a plan. Every field is four bytes and every record RECORD_BYTES long, so that
// AssemblyScript, TypeScript (src/host/plan/layout.ts, generated from this file) and WGSL read the same bytes.
//
//   word 0 … 7        header (class Op)
//   word 8 …          places in the arena, in bytes from its base; NONE where an operand is absent; the last is the output
//   then              sizes, strides (in floats) and constants
//
// An op that is two in one has the second's record, header and all, in its second half.
//
// Legend: m n k = rows, columns and inner size of a matrix product; a c = its input and output; ld* = row strides;
// h w c = height, width and channels of a map; k = kernel size; rows are tokens, pixels or pictures.

export const RECORD_BYTES: usize = 256;

/** Where the second half of a record begins. */
export const HALF: usize = 128;

/** Version of this layout and of the exports; the host refuses a module with another one. */
export const ABI: u32 = 4;

/** An operand that is not there. */
export const NONE: u32 = 0xffffffff;

/** Row strides are multiples of this many floats: one vector. */
export const LANES: u32 = 4;

/** Every tensor and every weight block begins at a multiple of this many bytes (WebGPU's offset alignment). */
export const ALIGNMENT: u32 = 256;

/** Columns of a packed panel of a weight matrix. */
export const NR: u32 = 16;

/** The most parts an op may be split into. */
export const MAX_PARTS: u32 = 16;

export const enum Kind {
  Gemm = 1,
  Conv2d,
  Depthwise,
  Pool,
  Embedding,
  LayerNorm,
  Attention,
  Gather,
  Normalize,
  Similarity,
  ExpandDepthwise,
  Quantize,
}

/** The distinct functions behind transformers' 22 parameter-free ACT2FN names. */
export const enum Activation {
  Linear,
  Relu,
  Relu2,
  Relu6,
  LeakyRelu,
  Sigmoid,
  Silu,
  QuickGelu,
  Gelu,
  Gelu10,
  GeluTanh,
  Tanh,
  Hardswish,
  Mish,
  Laplace,
  SqrtSoftplus,
}

export const enum Pooling {
  Mean,
  Max,
}

/** How the numbers of a weight block are stored. */
export const enum Format {
  F32,
  F16,
  BF16,
  /** 8 bits and a scale a column, widened before they are used. */
  Q8,
  /** The same bytes, multiplied in integers by activations to which {@link Quantize} gave 8 bits. */
  Q8D,
  /** 4 bits and a scale for 32 numbers of a column, widened before they are used. */
  Q4,
}

@unmanaged
export class Op {
  kind: Kind;
  /** Index into the plan's names. */
  name: u32;
  /** How many of the words after the header are places in the arena. */
  operands: u32;
  /** Weight block: shard and byte offset within it. */
  shard: u32;
  weights: u32;
  /** Multiply-accumulates of the op, 64 bits. */
  macs_low: u32;
  macs_high: u32;
  /** How the weight block is stored. */
  format: Format;
}

/** c[m, n] = activation((a · gate)[m, k] · w[k, n] + bias[n]) + residual[m, n]; a gate is [m / pixels, k], or NONE */
@unmanaged
export class Gemm extends Op {
  a: u32;
  gate: u32;
  residual: u32;
  /** A slot a part for one widened panel (kernels/widen.ts); NONE with F32. */
  scratch: u32;
  /** A slot a part for a block of a · gate; NONE without a gate. */
  gated: u32;
  c: u32;
  m: u32;
  n: u32;
  k: u32;
  lda: u32;
  ldr: u32;
  ldc: u32;
  activation: Activation;
  /** Rows of a that share a row of the gate. */
  pixels: u32;
}

/** out[b, y, x, n] = activation(Σ in[b, y·stride + ky − top, x·stride + kx − left, c] · w[ky, kx, c, n] + bias[n]), zeros outside */
@unmanaged
export class Conv2d extends Op {
  input: u32;
  /** A slot a part for two gathered patches. */
  scratch: u32;
  out: u32;
  batch: u32;
  in_h: u32;
  in_w: u32;
  /** Row stride of the input, in floats. */
  lda: u32;
  out_h: u32;
  out_w: u32;
  n: u32;
  ldc: u32;
  kernel: u32;
  stride: u32;
  top: u32;
  left: u32;
  activation: Activation;
}

/** out[b, y, x, c] = activation(Σ in[b, y·stride + ky − top, x·stride + kx − left, c] · w[ky, kx, c] + bias[c]), zeros outside */
@unmanaged
export class Depthwise extends Op {
  input: u32;
  /** Also wanted: Σ over x of out, [b, y, c]; or NONE. */
  sums: u32;
  out: u32;
  batch: u32;
  in_h: u32;
  in_w: u32;
  out_h: u32;
  out_w: u32;
  channels: u32;
  /** Row stride of input and output, in floats. */
  ldc: u32;
  kernel: u32;
  stride: u32;
  top: u32;
  left: u32;
  activation: Activation;
}

/**
 * A Gemm on the pixels of a map (an inverted bottleneck's expansion) and, in the second half, the Depthwise that alone reads
 * its result: of the expanded map no more than `lines` lines exist at a time, in a slot of `c` for every part.
 */
@unmanaged
export class ExpandDepthwise extends Gemm {
  lines: u32;
  /** Lines of the result that are computed together. */
  band: u32;
}

/** out[b, c] = maximum over y, x of in[b, y, x, c], or their sum divided by `count` */
@unmanaged
export class Pool extends Op {
  input: u32;
  out: u32;
  batch: u32;
  h: u32;
  w: u32;
  /** Row stride of input and output, in floats. */
  ldc: u32;
  pooling: Pooling;
  count: u32;
}

/**
 * out[t] = table[ids[t] − first], zeros for ids outside first … first + rows − 1; or += with `accumulate`. Ids are 32-bit
 * integers. A table too large for one binding is several ops, each with a piece of it.
 */
@unmanaged
export class Embedding extends Op {
  ids: u32;
  out: u32;
  tokens: u32;
  first: u32;
  rows: u32;
  ldc: u32;
  accumulate: u32;
}

/** out[t] = (x[t] − mean) / √(variance + eps) · gamma + beta, over `width` columns */
@unmanaged
export class LayerNorm extends Op {
  x: u32;
  out: u32;
  rows: u32;
  width: u32;
  ldc: u32;
  eps: f32;
}

/**
 * For every sequence s and head: softmax(q · kᵀ · scale, masked) · v over the rows starts[s] … starts[s + 1] − 1 of
 * qkv[t, 3 · heads · d]. `mask[t]` is 0 for a key that nobody sees. Rows from starts[sequences] on become zeros.
 */
@unmanaged
export class Attention extends Op {
  qkv: u32;
  starts: u32;
  mask: u32;
  /** Tap: probabilities [sequences, heads, length, ldp], or NONE. */
  probs: u32;
  /** A slot of `slot` bytes a part. */
  scratch: u32;
  out: u32;
  tokens: u32;
  sequences: u32;
  /** The longest a sequence can be. */
  length: u32;
  heads: u32;
  d: u32;
  ldq: u32;
  ldp: u32;
  ldo: u32;
  slot: u32;
  scale: f32;
}

/** out[i] = x[rows[i]] */
@unmanaged
export class Gather extends Op {
  x: u32;
  rows: u32;
  out: u32;
  count: u32;
  ldc: u32;
}

/** out[i] = x[i] / ‖x[i]‖₂ */
@unmanaged
export class Normalize extends Op {
  x: u32;
  out: u32;
  rows: u32;
  width: u32;
  ldc: u32;
}

/** out[i, j] = a[i] · b[j] / temperature (the weight) */
@unmanaged
export class Similarity extends Op {
  a: u32;
  b: u32;
  out: u32;
  m: u32;
  n: u32;
  /** Row stride of a and b, in floats; pad lanes are zeros. */
  k: u32;
  ldo: u32;
}

/**
 * Rows in 8 bits, as Q8D products read them: q[i, j] = round(v · 127 / s), where v = x[i, j], or x[i, j] · gate[i / pixels, j],
 * and s = max |v| of the row. Row i of `out`: s / 127, 12 bytes unused, then q as 16-bit integers, zeros up to `ldo`.
 */
@unmanaged
export class Quantize extends Op {
  x: u32;
  /** Squeeze-and-excitation's factors [rows / pixels, width], or NONE. */
  gate: u32;
  out: u32;
  rows: u32;
  width: u32;
  pixels: u32;
  /** Row stride of x and gate, in floats. */
  ldx: u32;
  /** Row stride of `out`, in floats. */
  ldo: u32;
}
