// Weight blocks as the recorder requests them (assembly/plan/weights.ts), packed through the module's own `pack`.

import { Dtype, Format, NR, Packing, Part, Request, Source } from '../../../src/host/plan/layout.ts';
import { write_struct } from '../../../src/host/plan/struct.ts';
import { panel_bytes, row_bytes, type FormatName } from './formats.ts';
import type { GuardedMemory } from './memory.ts';

/** Elements as they lie on disk. */
export type DiskData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

export interface BlockSource {
  readonly part: keyof typeof Part;
  readonly data: DiskData;
  readonly dtype?: keyof typeof Dtype;
  /** Rows along the first dimension. */
  readonly rows: number;
  /** Row of the block that the first of them is. */
  readonly row?: number;
}

export interface Block {
  readonly packing: keyof typeof Packing;
  /** F32 where absent. */
  readonly format?: FormatName;
  readonly rows: number;
  readonly depth: number;
  readonly channels: number;
  readonly taps: number;
  readonly eps?: number;
  readonly sources: readonly BlockSource[];
}

/** Batch norm's vectors, one element a channel. */
export interface Norm {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly eps: number;
}

export function round_up(width: number): number {
  return Math.ceil(width / 4) * 4;
}

/** torch.nn.Linear: weight [n, k], bias [n]. */
export function linear_block(n: number, k: number, weight: Float32Array, bias: Float32Array): Block {
  const sources = [
    { part: 'Weight', data: weight, rows: n },
    { part: 'Bias', data: bias, rows: n },
  ] as const;
  return { packing: 'Panels', rows: n, depth: k, channels: k, taps: 1, sources };
}

/** A dense convolution [n, channels, kernel, kernel] and the batch norm behind it. */
export function conv_block(
  n: number,
  channels: number,
  kernel: number,
  weight: Float32Array,
  norm: Norm,
): Block {
  const taps = kernel * kernel;
  const depth = taps === 1 ? channels : taps * round_up(channels);
  const sources = [...norm_sources(norm), { part: 'Weight', data: weight, rows: n } as const];
  return { packing: 'Panels', rows: n, depth, channels, taps, eps: norm.eps, sources };
}

/** A depthwise convolution [channels, 1, kernel, kernel] and the batch norm behind it. */
export function depthwise_block(channels: number, kernel: number, weight: Float32Array, norm: Norm): Block {
  const taps = kernel * kernel;
  const sources = [...norm_sources(norm), { part: 'Weight', data: weight, rows: channels } as const];
  return { packing: 'Taps', rows: channels, depth: taps, channels: 1, taps, eps: norm.eps, sources };
}

/** An embedding table [rows, width]. */
export function table_block(rows: number, width: number, table: Float32Array): Block {
  const sources = [{ part: 'Weight', data: table, rows }] as const;
  return { packing: 'Rows', rows, depth: round_up(width), channels: width, taps: 1, sources };
}

/** Vectors of one length, one row each: a layer norm's, or a scalar. */
export function rows_block(...vectors: readonly Float32Array[]): Block {
  const width = vectors[0]!.length;
  const sources = vectors.map((data, row) => ({ part: 'Weight', data, rows: 1, row }) as const);
  return { packing: 'Rows', rows: vectors.length, depth: round_up(width), channels: width, taps: 1, sources };
}

export function norm_sources(norm: Norm): BlockSource[] {
  const rows = norm.gamma.length;
  return [
    { part: 'Gamma', data: norm.gamma, rows },
    { part: 'Beta', data: norm.beta, rows },
    { part: 'Mean', data: norm.mean, rows },
    { part: 'Variance', data: norm.variance, rows },
  ];
}

/** Bytes of the packed block. */
export function block_bytes({ packing, format = 'F32', rows, depth }: Block): number {
  if (packing === 'Panels') return Math.ceil(rows / NR) * panel_bytes(format, depth);
  if (packing === 'Taps') return (round_up(rows) / 4) * (depth + 1) * 16;
  return rows * row_bytes(format, depth);
}

/** Bytes of scratch that a request for the block names. */
export function block_scratch({ packing, rows, channels, taps }: Block): number {
  return (packing === 'Rows' ? channels : rows * 4 + channels * taps) * 4;
}

/** Packs a block, `step` rows of a source at a time, and gives its address. */
export function pack_block(memory: GuardedMemory, block: Block, step = Infinity): number {
  return pack_counted(memory, block, step).at;
}

/** The same, and how many numbers `pack` said the block's format cannot hold. `backwards`: the last range first. */
export function pack_counted(
  memory: GuardedMemory,
  block: Block,
  step = Infinity,
  backwards = false,
): { at: number; lost: number } {
  const { instance } = memory;
  let lost = 0;
  const to = memory.result(block_bytes(block));
  instance.bytes(to, block_bytes(block)).fill(0);
  const scratch_at = memory.result(block_scratch(block));
  const request = memory.place(Request.size);
  const record = memory.place(Source.size);
  const range = memory.place(Math.max(...block.sources.map(({ data }) => data.byteLength)));
  write_struct(instance.memory.buffer, request, Request, {
    eps: block.eps ?? 0,
    normed: Number(block.eps !== undefined),
    packing: Packing[block.packing],
    name: 0,
    format: Format[block.format ?? 'F32'],
    accepts: 0,
    shard: 0,
    offset: 0,
    bytes: block_bytes(block),
    rows: block.rows,
    depth: block.depth,
    channels: block.channels,
    taps: block.taps,
    first_source: 0,
    sources: block.sources.length,
    scratch_bytes: block_scratch(block),
    scratch_at,
  });
  for (const { part, data, dtype = 'F32', rows, row = 0 } of block.sources) {
    write_struct(instance.memory.buffer, record, Source, {
      ...{ name: 0, rank: 0, d0: 0, d1: 0, d2: 0, d3: 0 },
      part: Part[part],
      row,
      dtype: Dtype[dtype],
    });
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const size = bytes.length / rows;
    const firsts = Array.from({ length: Math.ceil(rows / step) || 1 }, (_, i) => (i === 0 ? 0 : i * step));
    for (const first of backwards ? firsts.reverse() : firsts) {
      const count = Math.min(step, rows - first);
      instance.bytes(range, count * size).set(bytes.subarray(first * size, (first + count) * size));
      memory.guard(() => (lost += instance.exports.pack(request, record, first, count, range, to)));
    }
  }
  memory.seal();
  return { at: to, lost };
}
