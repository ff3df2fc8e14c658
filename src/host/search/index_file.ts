// An index as one safetensors file, the same bytes for the same entries:
//
//   __metadata__  format, version, dtype, dimensions, model (if it is known), crc32 (of the model's UTF-8, then all data)
//   scales        F32 [n]           int8 and binary
//   embeddings    F32 or I8 [n, dimensions]
//   bits          U8 [n, ⌈dimensions / 8⌉]      binary: a bit is 1 where the embedding is above 0, the lowest bit first
//   entries       U8: a line of JSON a row, [id, meta]
//
// Rows are in the order of their ids. In Python: safetensors.numpy.load_file, zlib.crc32.

import type { Dtype } from '../checkpoint/safetensors.ts';
import { file_header } from '../checkpoint/writer.ts';
import { compare_ids, entry_line, type IndexId } from './entries.ts';
import { MAX_DIMENSIONS, PIECE_BYTES, type IndexDtype, type Rows } from './rows.ts';

export const FORMAT = 'align-wasm index';
export const VERSION = '1';

/** Bytes that are read or gathered at a time. */
export const RANGE_BYTES: number = 2 ** 20;

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

/** The tensors that hold `n` rows, in their order in the file; the entries come last. */
export function parts_of(dtype: IndexDtype, dimensions: number, n: number): Part[] {
  const embeddings: Part = {
    name: 'embeddings',
    dtype: dtype === 'fp32' ? 'F32' : 'I8',
    shape: [n, dimensions],
  };
  if (dtype === 'fp32') return [embeddings];
  const scales: Part = { name: 'scales', dtype: 'F32', shape: [n] };
  if (dtype === 'int8') return [scales, embeddings];
  return [scales, embeddings, { name: 'bits', dtype: 'U8', shape: [n, Math.ceil(dimensions / 8)] }];
}

/** Where row i's part of a tensor lies in memory, and how many bytes it has. */
export function place_of(
  rows: Rows,
  name: string,
): { at: (i: number) => number; bytes: number; stride: number } {
  if (name === 'scales') return { at: (i) => rows.scale_at(i), bytes: 4, stride: 4 };
  if (name === 'bits') return { at: (i) => rows.bits_at(i), bytes: rows.bit_bytes, stride: rows.bit_stride };
  return { at: (i) => rows.at(i), bytes: rows.row_bytes, stride: rows.stride };
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

  get text(): string {
    return (this.#crc >>> 0).toString(16).padStart(8, '0');
  }
}

/** The file in pieces. Nothing may change between them. */
export function* index_chunks(contents: IndexContents): Generator<Uint8Array, void, undefined> {
  const { rows, ids, model } = contents;
  const order = ids.map((_, i) => i).sort((a, b) => compare_ids(ids[a]!, ids[b]!));
  const checksum = new Checksum(rows, model);
  let entries = 0;
  for (const { name, bytes } of data_chunks(contents, order)) {
    checksum.add(bytes);
    if (name === 'entries') entries += bytes.length;
  }
  const tensors: Part[] = [
    ...parts_of(rows.dtype, rows.dimensions, rows.count),
    { name: 'entries', dtype: 'U8', shape: [entries] },
  ];
  yield file_header(tensors, metadata_of(contents, checksum.text), 8);
  for (const { bytes } of data_chunks(contents, order)) yield bytes;
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

/** All bytes behind the header. */
function* data_chunks(
  { rows, ids, metas }: IndexContents,
  order: readonly number[],
): Generator<{ name: string; bytes: Uint8Array }, void, undefined> {
  for (const { name } of parts_of(rows.dtype, rows.dimensions, rows.count)) {
    const { at, bytes } = place_of(rows, name);
    const step = Math.max(1, Math.floor(RANGE_BYTES / bytes));
    for (let first = 0; first < order.length; first += step) {
      const some = order.slice(first, first + step);
      const chunk = new Uint8Array(some.length * bytes);
      some.forEach((row, i) => chunk.set(rows.instance.bytes(at(row), bytes), i * bytes));
      yield { name, bytes: chunk };
    }
  }
  let lines: string[] = [];
  let length = 0;
  const flush = (): { name: string; bytes: Uint8Array } => {
    const bytes = new TextEncoder().encode(lines.join(''));
    lines = [];
    length = 0;
    return { name: 'entries', bytes };
  };
  for (const row of order) {
    const line = entry_line(ids[row]!, metas[row]!);
    lines.push(line);
    length += line.length;
    if (length >= RANGE_BYTES) yield flush();
  }
  if (length > 0) yield flush();
}

/** Whether an index can have so many. */
export function is_dimensions(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DIMENSIONS;
}
