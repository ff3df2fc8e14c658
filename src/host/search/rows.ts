// The vectors of an index, in the memory of an instance of their own:
//
//   the module's own | scratch | block 0 | block 1 | …
//   block:  scales f32[1024] | sign bits [1024][bit_stride] | rows [1024][stride]      int8: no bits; fp32: rows alone
//
// so that the index grows at its end and nothing ever moves. Strides are multiples of 16 bytes, zeros behind a row.

import { AlignError, show } from '../errors.ts';
import { Instance } from '../wasm/module.ts';

/** `'fp32'`; `'int8'`, with a scale a row; `'binary'`, int8 found by its sign bits. */
export type IndexDtype = 'fp32' | 'int8' | 'binary';

export const INDEX_DTYPES: readonly IndexDtype[] = ['fp32', 'int8', 'binary'];

/** Sums of this many products of 8 and of 15 bits are sure to fit 32 bits (scan.ts). */
export const MAX_DIMENSIONS = 65_536;

/** Rows of a block: a multiple of 16. */
export const BLOCK_ROWS = 1024;

/** Queries that are answered together: the columns of a panel. */
export const QUERIES = 16;

/** Rows that the panel kernel for int8 widens at a time. */
const WIDE_ROWS = 64;

/** Bytes of the piece of which a checksum is computed at a time. */
export const PIECE_BYTES = 65_536;

const CRC_TABLES_BYTES = 8192;

/** What WebAssembly can address, less a page. */
const ADDRESSABLE = 2 ** 32 - 65_536;

/** A vector whose squares sum up to 1 ± this counts as one of length 1. */
const UNIT = 2 ** -20;

/** Where things lie in an instance's memory, in bytes. */
interface Scratch {
  /** f32 queries, {@link QUERIES} of them, `query_bytes` each. */
  readonly queries: number;
  /** A row of f32. */
  readonly vector: number;
  /** One query as i16. */
  readonly narrow: number;
  /** One query as sign bits. */
  readonly bits: number;
  /** Queries as a panel, with its head. */
  readonly panel: number;
  readonly wide: number;
  /** f32[BLOCK_ROWS][QUERIES] */
  readonly scores: number;
  /** f32[16]: what scores have to reach. */
  readonly least: number;
  /** { index u32, score f32 }[BLOCK_ROWS · QUERIES] */
  readonly hits: number;
  readonly piece: number;
  readonly crc_tables: number;
  readonly end: number;
}

/** A run of rows in one block. */
export interface Block {
  /** Number of its first row. */
  readonly first: number;
  readonly count: number;
  readonly scales: number;
  readonly bits: number;
  readonly rows: number;
}

const up = (bytes: number, to = 16): number => Math.ceil(bytes / to) * to;

export class Rows {
  readonly instance: Instance;
  readonly dtype: IndexDtype;
  readonly dimensions: number;
  /** Bytes of a row in a file. */
  readonly row_bytes: number;
  /** Bytes of a row's sign bits in a file. */
  readonly bit_bytes: number;
  /** Bytes from row to row. */
  readonly stride: number;
  readonly bit_stride: number;
  readonly query_bytes: number;
  readonly scratch: Scratch;
  /** How many there are. */
  count = 0;
  readonly #block_bytes: number;
  readonly #head_bytes: number;

  /** @throws AlignError `out_of_memory` */
  constructor(module: WebAssembly.Module, dtype: IndexDtype, dimensions: number) {
    const instance = new Instance(module);
    this.instance = instance;
    this.dtype = dtype;
    this.dimensions = dimensions;
    this.row_bytes = dtype === 'fp32' ? dimensions * 4 : dimensions;
    this.stride = up(this.row_bytes);
    this.bit_bytes = dtype === 'binary' ? Math.ceil(dimensions / 8) : 0;
    this.bit_stride = up(this.bit_bytes);
    this.query_bytes = up(dimensions) * 4;
    this.#head_bytes = dtype === 'fp32' ? 0 : BLOCK_ROWS * (4 + this.bit_stride);
    this.#block_bytes = this.#head_bytes + BLOCK_ROWS * this.stride;
    this.scratch = place_scratch(instance.base, this);
    this.#ensure(this.scratch.end);
    instance.exports.crc32_init(this.scratch.crc_tables);
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.instance.memory.buffer.byteLength;
  }

  /** Address of row i. */
  at(i: number): number {
    return this.#block(i) + this.#head_bytes + (i % BLOCK_ROWS) * this.stride;
  }

  /** Address of the sign bits of row i. */
  bits_at(i: number): number {
    return this.#block(i) + BLOCK_ROWS * 4 + (i % BLOCK_ROWS) * this.bit_stride;
  }

  /** Address of the scale of row i. */
  scale_at(i: number): number {
    return this.#block(i) + (i % BLOCK_ROWS) * 4;
  }

  scale(i: number): number {
    return this.instance.f32(this.scale_at(i), 1)[0]!;
  }

  /** Rows first … end − 1, a block or part of one at a time. */
  *blocks(): Generator<Block, void, undefined> {
    for (let first = 0; first < this.count; first += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, this.count - first);
      yield {
        ...{ first, count, rows: this.at(first) },
        ...{ scales: this.scale_at(first), bits: this.bits_at(first) },
      };
    }
  }

  /** Makes room for `count` rows: an eighth more than that where memory has to grow. @throws AlignError `out_of_memory` */
  reserve(count: number): void {
    if (count === 0) return;
    // Kernels read groups of four rows.
    const end = this.at(up(count, 4) - 1) + this.stride;
    if (end <= this.bytes) return;
    const more = Math.min(ADDRESSABLE, Math.ceil(end + (end - this.scratch.end) / 8));
    try {
      this.#ensure(Math.max(more, end));
    } catch {
      this.#ensure(end);
    }
  }

  /** Row i, at most the one behind the last, becomes a vector of length 1. */
  write(i: number, unit: Float32Array): void {
    this.reserve(i + 1);
    const { instance, stride, dimensions, scratch } = this;
    const { exports } = instance;
    const at = this.at(i);
    if (this.dtype === 'fp32') instance.f32(at, dimensions).set(unit);
    else {
      instance.f32(scratch.vector, dimensions).set(unit);
      exports.index_quantize(scratch.vector, stride, at);
      instance.f32(this.scale_at(i), 1)[0] = exports.index_scale(at, stride);
      if (this.dtype === 'binary') exports.index_bits(at, stride, this.bits_at(i));
    }
    this.count = Math.max(this.count, i + 1);
  }

  /** The address of row i as f32[dimensions], till the next call. */
  vector_at(i: number): number {
    if (this.dtype === 'fp32') return this.at(i);
    const { scratch, instance, dimensions } = this;
    instance.exports.index_row(this.at(i), this.scale(i), dimensions, scratch.vector);
    return scratch.vector;
  }

  read(i: number): Float32Array {
    return this.instance.f32(this.vector_at(i), this.dimensions).slice();
  }

  /** Removes row i: the last row takes its place. */
  remove(i: number): void {
    const last = --this.count;
    if (i !== last) this.copy(i, this, last);
  }

  /** Row `to`, for which there is room, becomes row `from` of rows of the same kind. */
  copy(to: number, source: Rows, from: number): void {
    const { instance } = this;
    instance.bytes(this.at(to), this.stride).set(source.instance.bytes(source.at(from), this.stride));
    if (this.dtype === 'fp32') return;
    instance.f32(this.scale_at(to), 1)[0] = source.scale(from);
    if (this.dtype === 'binary')
      instance
        .bytes(this.bits_at(to), this.bit_stride)
        .set(source.instance.bytes(source.bits_at(from), this.bit_stride));
  }

  /** Whether row i is row j of rows of the same kind. */
  equals(i: number, other: Rows, j: number): boolean {
    const a = this.instance.bytes(this.at(i), this.row_bytes);
    const b = other.instance.bytes(other.at(j), this.row_bytes);
    return a.every((byte, at) => byte === b[at]);
  }

  /** What is wrong with a row that came from a file, or null. */
  fault(i: number): string | null {
    const { instance, dimensions, stride, scratch, bit_stride } = this;
    const at = this.at(i);
    if (this.dtype === 'fp32') {
      const squares = instance.exports.index_dot(at, at, dimensions);
      return is_unit(squares) ? null : `its embedding has length ${show(Math.sqrt(squares))}, not 1`;
    }
    const scale = instance.exports.index_scale(at, stride);
    if (this.scale(i) !== scale || scale === Infinity)
      return `its scale is ${show(this.scale(i))}, its embedding asks for ${show(scale)}`;
    if (this.dtype === 'int8') return null;
    instance.exports.index_bits(at, stride, scratch.bits);
    const wanted = instance.bytes(scratch.bits, bit_stride);
    const same = instance.bytes(this.bits_at(i), bit_stride).every((byte, j) => byte === wanted[j]);
    return same ? null : 'its bits are not the signs of its embedding';
  }

  #block(i: number): number {
    return this.scratch.end + Math.floor(i / BLOCK_ROWS) * this.#block_bytes;
  }

  #ensure(end: number): void {
    try {
      if (end > ADDRESSABLE) throw new RangeError(`WebAssembly addresses ${ADDRESSABLE} bytes`);
      this.instance.ensure(end);
    } catch (cause) {
      throw new AlignError(
        'out_of_memory',
        `The index needs ${end} bytes of memory, more than it can have; it holds ${this.count} rows in ${this.bytes}`,
        {
          detail: { need: end, have: this.bytes },
          hint: 'use dtype int8, or several indexes, or a database (align-wasm/stores)',
          cause,
        },
      );
    }
  }
}

/** Whether a vector with this sum of squares has length 1. */
function is_unit(squares: number): boolean {
  return Math.abs(squares - 1) <= UNIT;
}

/**
 * A vector brought to length 1: divided by the root of the sum of its squares, in f64 and in order, then rounded. One that
 * has length 1 already, within what rounding leaves, keeps its bits.
 * `what` names it. @throws AlignError `invalid_argument` unless it is a Float32Array of `dimensions` finite numbers, not all zero
 */
export function checked_unit(what: () => string, given: unknown, dimensions: number): Float32Array {
  if (!(given instanceof Float32Array))
    throw new AlignError('invalid_argument', `${what()} must be a Float32Array, not ${show(given)}`);
  if (given.length !== dimensions)
    throw new AlignError(
      'invalid_argument',
      `${what()} has ${given.length} values, the index has ${dimensions} dimensions`,
    );
  let squares = 0;
  for (let i = 0; i < dimensions; i++) squares += given[i]! * given[i]!;
  if (is_unit(squares)) return given;
  if (squares > 0 && squares < Infinity) {
    const length = Math.sqrt(squares);
    const unit = new Float32Array(dimensions);
    for (let i = 0; i < dimensions; i++) unit[i] = given[i]! / length;
    return unit;
  }
  const culprit = given.findIndex((value) => !Number.isFinite(value));
  throw new AlignError(
    'invalid_argument',
    culprit < 0
      ? `${what()} is all zeros, so it has no direction`
      : `${what()} is not finite: value ${culprit} is ${show(given[culprit])}`,
  );
}

function place_scratch(base: number, { dtype, dimensions, stride, bit_stride, query_bytes }: Rows): Scratch {
  const fp32 = dtype === 'fp32';
  let end = base;
  const take = (bytes: number): number => {
    const start = end;
    end += up(bytes, 256);
    return start;
  };
  return {
    queries: take(QUERIES * query_bytes),
    vector: take(query_bytes),
    narrow: take(fp32 ? 0 : 2 * stride),
    bits: take(Math.max(bit_stride, Math.ceil(stride / 8))),
    panel: take(fp32 ? 64 * (dimensions + 1) : 128 + 32 * stride),
    wide: take(fp32 ? 0 : WIDE_ROWS * (16 + 2 * stride)),
    scores: take(BLOCK_ROWS * QUERIES * 4),
    least: take(64),
    hits: take(BLOCK_ROWS * QUERIES * 8),
    piece: take(PIECE_BYTES),
    crc_tables: take(CRC_TABLES_BYTES),
    end,
  };
}
