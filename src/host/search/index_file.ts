// An index as one safetensors file, the same bytes for the same entries:
//
//   __metadata__  format, version, dtype, dimensions, model (if it is known), crc32 (of the model's UTF-8, then all data)
//   scales        F32 [n]                       int8 and binary
//   embeddings    F32 or I8 [n, dimensions]
//   residuals     U8 [n, ⌈dimensions / 8⌉]      int8 and binary: a row is scale · (2 · embedding + residual)
//   bits          U8 [n, ⌈dimensions / 8⌉]      binary: 1 where the embedding is below 0
//   entries       U8: a line of JSON a row, [id, meta]
//
// Rows are in the order of their ids; of a byte's bits the lowest comes first. In Python: safetensors.numpy.load_file,
// numpy.unpackbits, zlib.crc32. Version 1 had no residuals.

import type { Dtype } from '../checkpoint/safetensors.ts';
import { file_header } from '../checkpoint/writer.ts';
import { compare_ids, entry_line, type IndexId } from './entries.ts';
import { MAX_DIMENSIONS, PIECE_BYTES, type IndexDtype } from './places.ts';
import type { Column, Rows } from './rows.ts';

export const FORMAT = 'align-wasm index';
export const VERSION = '2';

/** Bytes that are read or gathered at a time: so few that what becomes garbage goes before it grows old. */
export const RANGE_BYTES: number = 2 ** 16;

/** What an index is made of: entry i belongs to row i. */
export interface IndexContents {
  readonly rows: Rows;
  readonly ids: IndexId[];
  /** As JSON. */
  readonly metas: (string | null)[];
  readonly model: string | null;
}

/** A tensor of the file, without its bytes. */
export interface Part {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** The tensors that hold `n` rows, in their order in the file ({@link Rows.columns}); the entries come last. */
export function parts_of(dtype: IndexDtype, dimensions: number, n: number): Part[] {
  const shape = [n, dimensions];
  if (dtype === 'fp32') return [{ name: 'embeddings', dtype: 'F32', shape }];
  const eighth = [n, Math.ceil(dimensions / 8)];
  const parts: Part[] = [
    { name: 'scales', dtype: 'F32', shape: [n] },
    { name: 'embeddings', dtype: 'I8', shape },
    { name: 'residuals', dtype: 'U8', shape: eighth },
  ];
  return dtype === 'int8' ? parts : [...parts, { name: 'bits', dtype: 'U8', shape: eighth }];
}

/** CRC-32 of bytes as they come. */
export class Checksum {
  readonly #rows: Rows;
  #crc = 0;

  constructor(rows: Rows, model: string | null) {
    this.#rows = rows;
    this.add(new TextEncoder().encode(model ?? ''));
  }

  add(bytes: Uint8Array): void {
    const { instance, scratch } = this.#rows;
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      const piece = bytes.subarray(start, start + PIECE_BYTES);
      instance.bytes(scratch.piece, piece.length).set(piece);
      this.#crc = instance.exports.crc32(scratch.crc_tables, this.#crc, scratch.piece, piece.length);
    }
  }

  /** Bytes of the rows' own memory. */
  add_at(address: number, length: number): void {
    const { instance, scratch } = this.#rows;
    this.#crc = instance.exports.crc32(scratch.crc_tables, this.#crc, address, length);
  }

  get text(): string {
    return (this.#crc >>> 0).toString(16).padStart(8, '0');
  }
}

/** The file in pieces. Nothing may change between them. */
export function* index_chunks(contents: IndexContents): Generator<Uint8Array, void, undefined> {
  const { rows, ids, model } = contents;
  const order = Uint32Array.from(ids.keys()).sort((a, b) => compare_ids(ids[a]!, ids[b]!));
  const parts = parts_of(rows.dtype, rows.dimensions, rows.count);
  // The header comes first and has the checksum of all that follows.
  const checksum = new Checksum(rows, model);
  for (const { at, bytes } of rows.columns.values()) for (const row of order) checksum.add_at(at(row), bytes);
  let entries = 0;
  for (const chunk of entry_chunks(contents, order)) {
    checksum.add(chunk);
    entries += chunk.length;
  }
  const tensors: Part[] = [...parts, { name: 'entries', dtype: 'U8', shape: [entries] }];
  yield file_header(tensors, metadata_of(contents, checksum.text), 8);
  for (const column of rows.columns.values()) yield* row_chunks(rows, column, order);
  yield* entry_chunks(contents, order);
}

/** The whole file. */
export function index_bytes(contents: IndexContents): Uint8Array {
  const chunks = Array.from(index_chunks(contents));
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function metadata_of({ rows, model }: IndexContents, crc32: string): Record<string, string> {
  return {
    format: FORMAT,
    version: VERSION,
    dtype: rows.dtype,
    dimensions: String(rows.dimensions),
    ...(model === null ? {} : { model }),
    crc32,
  };
}

function* row_chunks(
  rows: Rows,
  { at, bytes }: Column,
  order: Uint32Array,
): Generator<Uint8Array, void, undefined> {
  const step = Math.max(1, Math.floor(RANGE_BYTES / bytes));
  for (let first = 0; first < order.length; first += step) {
    const some = order.subarray(first, first + step);
    const chunk = new Uint8Array(some.length * bytes);
    some.forEach((row, i) => chunk.set(rows.instance.bytes(at(row), bytes), i * bytes));
    yield chunk;
  }
}

function* entry_chunks(
  { ids, metas }: IndexContents,
  order: Uint32Array,
): Generator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  let lines = '';
  for (const row of order) {
    lines += entry_line(ids[row]!, metas[row]!);
    if (lines.length < RANGE_BYTES) continue;
    yield encoder.encode(lines);
    lines = '';
  }
  if (lines !== '') yield encoder.encode(lines);
}

/** Whether an index can have so many. */
export function is_dimensions(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DIMENSIONS;
}
