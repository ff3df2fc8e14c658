// The vectors of an index, in the memory of an instance of their own (places.ts), which grows at its end, so that nothing
// ever moves.

import { AlignError, show } from '../errors.ts';
import { Instance } from '../wasm/module.ts';
import { BLOCK_ROWS, place_scratch, RowSizes, up, type IndexDtype, type Scratch } from './places.ts';
import { is_unit } from './unit.ts';

/** What WebAssembly can address, less a page. */
const ADDRESSABLE = 2 ** 32 - 65_536;

/** A run of rows in one block: addresses. */
export interface Block {
  /** Number of its first row. */
  readonly first: number;
  readonly count: number;
  readonly scales: number;
  readonly distances: number;
  readonly bits: number;
  readonly rows: number;
}

/** A part of every row, as a file has it too. */
export interface Column {
  /** Address of row i's. */
  readonly at: (i: number) => number;
  /** Bytes of a row's. */
  readonly bytes: number;
  /** Bytes from row to row. */
  readonly stride: number;
}

export class Rows {
  readonly instance: Instance;
  readonly sizes: RowSizes;
  readonly scratch: Scratch;
  /** What rows are made of, by the name of the tensor that holds it in a file, in the order there. */
  readonly columns: ReadonlyMap<string, Column>;
  /** How many there are. */
  count = 0;

  /** @throws AlignError `out_of_memory` */
  constructor(module: WebAssembly.Module, dtype: IndexDtype, dimensions: number) {
    this.instance = new Instance(module);
    this.sizes = new RowSizes(dtype, dimensions);
    this.scratch = place_scratch(this.instance.base, this.sizes);
    this.columns = this.#columns();
    this.#ensure(this.scratch.end);
    this.instance.exports.crc32_init(this.scratch.crc_tables);
  }

  get dtype(): IndexDtype {
    return this.sizes.dtype;
  }

  get dimensions(): number {
    return this.sizes.dimensions;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.instance.memory.buffer.byteLength;
  }

  /** Address of row i. */
  at(i: number): number {
    return this.#block(i) + this.sizes.rows + (i % BLOCK_ROWS) * this.sizes.stride;
  }

  /** Address of the residuals of row i. */
  residuals_at(i: number): number {
    return this.#block(i) + this.sizes.residuals + (i % BLOCK_ROWS) * this.sizes.residual_stride;
  }

  /** Address of the sign bits of row i. */
  bits_at(i: number): number {
    return this.#block(i) + this.sizes.bits + (i % BLOCK_ROWS) * this.sizes.bit_stride;
  }

  /** Address of the scale of row i. */
  scale_at(i: number): number {
    return this.#block(i) + (i % BLOCK_ROWS) * 4;
  }

  scale(i: number): number {
    return this.instance.f32(this.scale_at(i), 1)[0]!;
  }

  /** All rows, a block or part of one at a time. */
  *blocks(): Generator<Block, void, undefined> {
    const { block_bytes, distances, bits, rows } = this.sizes;
    let at = this.scratch.end;
    for (let first = 0; first < this.count; first += BLOCK_ROWS, at += block_bytes) {
      const count = Math.min(BLOCK_ROWS, this.count - first);
      yield { first, count, scales: at, distances: at + distances, bits: at + bits, rows: at + rows };
    }
  }

  /** Makes room for `count` rows: an eighth more than that where memory has to grow. @throws AlignError `out_of_memory` */
  reserve(count: number): void {
    if (count === 0) return;
    // Kernels read groups of four rows.
    const end = this.at(up(count, 4) - 1) + this.sizes.stride;
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
    const { instance, scratch } = this;
    const { dtype, dimensions, stride } = this.sizes;
    const { exports } = instance;
    const at = this.at(i);
    if (dtype === 'fp32') instance.f32(at, dimensions).set(unit);
    else {
      const residuals = this.residuals_at(i);
      instance.f32(scratch.vector, dimensions).set(unit);
      exports.index_quantize(scratch.vector, stride, at, residuals);
      instance.f32(this.scale_at(i), 1)[0] = exports.index_scale(at, residuals, stride);
      if (dtype === 'binary') exports.index_bits(at, stride, this.bits_at(i));
    }
    this.count = Math.max(this.count, i + 1);
  }

  /** The address of row i as f32[dimensions], till the next call. */
  vector_at(i: number): number {
    const at = this.at(i);
    if (this.dtype === 'fp32') return at;
    const { vector } = this.scratch;
    const { exports } = this.instance;
    exports.index_row(at, this.residuals_at(i), this.sizes.stride, this.scale(i), vector);
    return vector;
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
    for (const [name, { at, bytes }] of this.columns) {
      const theirs = source.instance.bytes(source.columns.get(name)!.at(from), bytes);
      this.instance.bytes(at(to), bytes).set(theirs);
    }
  }

  /** Whether row i is row j of rows of the same kind. */
  equals(i: number, other: Rows, j: number): boolean {
    return Array.from(this.columns).every(([name, { at, bytes }]) => {
      const theirs = other.instance.bytes(other.columns.get(name)!.at(j), bytes);
      return this.instance.bytes(at(i), bytes).every((byte, k) => byte === theirs[k]);
    });
  }

  /** What is wrong with a row that came from a file, or null. */
  fault(i: number): string | null {
    const { instance, scratch } = this;
    const { dtype, dimensions, stride, residual_bytes, bit_stride } = this.sizes;
    const { exports } = instance;
    const at = this.at(i);
    if (dtype === 'fp32') {
      const squares = exports.index_dot(at, at, dimensions);
      return is_unit(squares) ? null : `its embedding has length ${show(Math.sqrt(squares))}, not 1`;
    }
    const residuals = this.residuals_at(i);
    if (dimensions % 8 !== 0 && instance.bytes(residuals, residual_bytes).at(-1)! >> (dimensions % 8) !== 0)
      return 'it has more residuals than numbers';
    const scale = exports.index_scale(at, residuals, stride);
    if (scale === Infinity) return 'its largest number is not 255 (twice the embedding and the residual)';
    if (this.scale(i) !== scale)
      return `its scale is ${show(this.scale(i))}, its embedding asks for ${show(scale)}`;
    if (dtype === 'int8') return null;
    exports.index_bits(at, stride, scratch.bits);
    const wanted = instance.bytes(scratch.bits, bit_stride);
    const same = instance.bytes(this.bits_at(i), bit_stride).every((byte, j) => byte === wanted[j]);
    return same ? null : 'its bits are not the signs of its embedding';
  }

  #columns(): Map<string, Column> {
    const { dtype, row_bytes, stride, residual_bytes, residual_stride, bit_bytes, bit_stride } = this.sizes;
    const embeddings: Column = { at: (i) => this.at(i), bytes: row_bytes, stride };
    if (dtype === 'fp32') return new Map([['embeddings', embeddings]]);
    const columns = new Map<string, Column>([
      ['scales', { at: (i) => this.scale_at(i), bytes: 4, stride: 4 }],
      ['embeddings', embeddings],
      ['residuals', { at: (i) => this.residuals_at(i), bytes: residual_bytes, stride: residual_stride }],
    ]);
    if (dtype === 'binary')
      columns.set('bits', { at: (i) => this.bits_at(i), bytes: bit_bytes, stride: bit_stride });
    return columns;
  }

  #block(i: number): number {
    return this.scratch.end + Math.floor(i / BLOCK_ROWS) * this.sizes.block_bytes;
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
