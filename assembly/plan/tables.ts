// What a recorder hands to the host beside the op records. Places called *_at are addresses in the recorder's memory;
// names are indices into the plan's names.

import { Format } from './op';

export const enum Role {
  Internal,
  Input,
  Output,
}

/** An activation tensor [n, h, w, c]; a row of c floats is `stride` floats apart from the next. Lives from op `first` to op `last`. */
@unmanaged
export class TensorEntry {
  name: u32;
  role: Role;
  offset: u32;
  n: u32;
  h: u32;
  w: u32;
  c: u32;
  stride: u32;
  first: i32;
  last: i32;
}

/** How a weight block is laid out. */
export const enum Packing {
  /** Panels of 16 output columns, bias first (kernels/tile.ts). */
  Panels,
  /** Blocks of four channels, bias first (kernels/depthwise.ts). */
  Taps,
  /** Rows at the padded stride, in order. */
  Rows,
}

/** One packed weight block: how large it is, where it goes and what it is made from. */
@unmanaged
export class Request {
  /** Batch norm's epsilon. */
  eps: f64;
  /** Of the block, in all its pieces; a double, as a table may have more than 4 GiB. */
  bytes: f64;
  name: u32;
  /** How the block is stored (formats.ts), and how it may be: a bit 1 << Format each. */
  format: Format;
  accepts: u32;
  /** 1: a batch norm folds in. */
  normed: u32;
  packing: Packing;
  shard: u32;
  offset: u32;
  /**
   * Bytes of a piece: all of them, but for a table larger than a shard. Its second piece begins the next shard, and so on.
   */
  piece: u32;
  /** Output columns, channels or table rows. */
  rows: u32;
  /** Panels: inner size k of the block, pads included. Rows: the stride in floats. Taps: k · k. */
  depth: u32;
  /** Elements of a source row come as [channels, taps]; in a panel they go as [taps, lda]. */
  channels: u32;
  taps: u32;
  first_source: u32;
  sources: u32;
  /** Scratch that packing needs: widened batch-norm vectors, then one widened row. */
  scratch_bytes: u32;
  /** Set by the host: where that scratch is. */
  scratch_at: u32;
}

export const enum Part {
  Weight,
  Bias,
  Gamma,
  Beta,
  Mean,
  Variance,
}

/** A checkpoint tensor that a block needs. */
@unmanaged
export class Source {
  name: u32;
  part: Part;
  rank: u32;
  d0: u32;
  d1: u32;
  d2: u32;
  d3: u32;
  /** Row of the block at which the tensor's first row goes (fused q, k, v; layer norms). */
  row: u32;
  /** Set by the host: element type on disk. */
  dtype: u32;
}

/** Element types on disk that `pack` reads. */
export const enum Dtype {
  F32,
  F16,
  BF16,
  F64,
  I8,
  U8,
  I16,
  U16,
  I32,
  U32,
  I64,
  U64,
}

/** A finished recording. */
@unmanaged
export class Recording {
  /** Arena bytes; a double, as a batch may ask for more than 4 GiB. */
  arena_bytes: f64;
  /** The same for the weights of the whole plan. */
  weight_bytes: f64;
  ops_at: u32;
  ops: u32;
  tensors_at: u32;
  tensors: u32;
  requests_at: u32;
  requests: u32;
  sources_at: u32;
  sources: u32;
  /** UTF-8, one name a line. */
  names_at: u32;
  names_bytes: u32;
  /** Where the next tower's weights begin. */
  next_shard: u32;
  next_offset: u32;
  /** Name index of what makes the plan impossible, or NONE. */
  error: u32;
}
