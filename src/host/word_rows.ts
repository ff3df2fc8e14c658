// The word table out of memory (`embeddings: 'rows'`): each call reads the rows of its ids from where the model lies and
// writes them as inputs_embeds, the same floats that the Embedding op reads from a resident table in the same format.

import type { Checkpoint } from './checkpoint/checkpoint.ts';
import { AlignError } from './errors.ts';
import { Format, Request, Source } from './plan/layout.ts';
import type { WeightRequest } from './plan/plan.ts';
import { write_struct } from './plan/struct.ts';
import { dtype_of, overflow } from './wasm/loader.ts';
import type { Instance } from './wasm/module.ts';

/** Rows kept, the last used: those of frequent words, and of [CLS] and [SEP], are asked for again and again. */
const KEPT = 512;

/** Reads at once. */
const READS = 6;

export class WordRows {
  readonly #request: WeightRequest;
  readonly #checkpoint: Checkpoint;
  readonly #instance: Instance;
  readonly #rows = new Map<number, Float32Array>();
  #closed = false;

  /** `request` is the whole table's; the checkpoint is closed with the rows. `instance` packs rows of a checkpoint that is not packed. */
  constructor(request: WeightRequest, checkpoint: Checkpoint, instance: Instance) {
    this.#request = request;
    this.#checkpoint = checkpoint;
    this.#instance = instance;
  }

  /**
   * Writes the row of each id [ids.length, width] into `target`. No row is read twice, those side by side at once, and none
   * that no id asks for.
   * @throws AlignError as reading the checkpoint, `aborted`, `disposed`
   */
  async gather(ids: Int32Array, target: Float32Array, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed) throw new AlignError('disposed', 'The model was disposed');
    const rows = new Map<number, Float32Array>();
    const missing: number[] = [];
    for (const id of new Set(ids)) {
      const known = this.#rows.get(id);
      if (known) rows.set(id, known);
      else missing.push(id);
    }
    const runs = adjacent(missing).values();
    const read = async (): Promise<void> => {
      for (const [first, count] of runs)
        (await this.#read(first, count, signal)).forEach((row, i) => rows.set(first + i, row));
    };
    const ends = await Promise.allSettled(Array.from({ length: READS }, read));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
    ids.forEach((id, i) => {
      const row = rows.get(id)!;
      target.set(row, i * row.length);
    });
    for (const [id, row] of rows) {
      this.#rows.delete(id);
      this.#rows.set(id, row);
    }
    for (const id of this.#rows.keys()) {
      if (this.#rows.size <= KEPT) break;
      this.#rows.delete(id);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rows.clear();
    // What is closed has nothing to say any more.
    this.#checkpoint.close().catch(() => undefined);
  }

  async #read(first: number, count: number, signal: AbortSignal | undefined): Promise<Float32Array[]> {
    const { name, sources, format, bytes } = this.#request;
    const [source] = sources;
    const [vocabulary, width] = source!.shape as [number, number];
    const stored = this.#checkpoint.packing ? name : source!.name;
    const read = await this.#checkpoint.read_few_rows(stored, first, count, vocabulary, signal);
    const packed = this.#checkpoint.packing ? read : this.#pack(read, count);
    const row_bytes = bytes / vocabulary;
    return Array.from({ length: count }, (_, i) =>
      unpack_row(format, packed.subarray(i * row_bytes, (i + 1) * row_bytes), width),
    );
  }

  /** Checkpoint rows in the format of the table, as loading would have packed them. */
  #pack(read: Uint8Array, count: number): Uint8Array {
    const request = this.#request;
    const [source] = request.sources;
    const instance = this.#instance;
    const request_at = instance.base;
    const source_at = request_at + Request.size;
    const scratch_at = source_at + Source.size;
    const from = Math.ceil((scratch_at + request.scratch_bytes) / 16) * 16;
    const to = Math.ceil((from + read.length) / 16) * 16;
    const bytes = (request.bytes / source!.shape[0]!) * count;
    instance.ensure(to + bytes);
    instance.bytes(request_at, Request.size).set(request.record);
    instance.bytes(source_at, Source.size).set(source!.record);
    const { buffer } = instance.memory;
    write_struct(buffer, request_at, Request, { scratch_at });
    write_struct(buffer, source_at, Source, { dtype: dtype_of(this.#checkpoint.get(source!.name)!) });
    instance.bytes(from, read.length).set(read);
    const packed = instance.bytes(to, bytes).fill(0);
    const lost = instance.exports.pack(request_at, source_at, 0, count, from, to);
    if (lost > 0) throw overflow(request, source!, lost);
    return packed.slice();
  }
}

/** Ids as runs of numbers that follow each other. */
function adjacent(ids: number[]): [first: number, count: number][] {
  const runs: [number, number][] = [];
  for (const id of ids.sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last[0] + last[1] === id) last[1]++;
    else runs.push([id, 1]);
  }
  return runs;
}

/** A table row as assembly/plan/formats.ts lays it out, widened as assembly/kernels/widen.ts does (`row_vector`). */
function unpack_row(format: number, bytes: Uint8Array, width: number): Float32Array {
  const row = new Float32Array(width);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const bits = new Uint32Array(row.buffer);
  if (format === Format.F32) {
    for (let j = 0; j < width; j++) bits[j] = view.getUint32(4 * j, true);
  } else if (format === Format.BF16) {
    for (let j = 0; j < width; j++) bits[j] = view.getUint16(2 * j, true) << 16;
  } else if (format === Format.F16) {
    for (let j = 0; j < width; j++) bits[j] = half_bits(view.getUint16(2 * j, true));
  } else if (format === Format.Q8) {
    const scale = view.getFloat32(0, true);
    for (let j = 0; j < width; j++) row[j] = view.getInt8(16 + j) * scale;
  } else {
    const groups = (width + 31) >> 5;
    const scales = ((groups + 7) & ~7) << 1;
    for (let j = 0; j < width; j++) {
      const scale = half(view.getUint16((j >> 5) << 1, true));
      const pair = view.getInt8(scales + ((j >> 5) << 4) + (j & 15));
      const q = j & 16 ? pair >> 4 : (pair << 28) >> 28;
      row[j] = q * scale + 0; // never −0, as in the kernel
    }
  }
  return row;
}

/** The bits of the float that an IEEE half is. */
function half_bits(h: number): number {
  const sign = (h & 0x8000) << 16;
  const exponent = (h >> 10) & 31;
  const mantissa = h & 1023;
  if (exponent === 31) return sign | 0x7f80_0000 | (mantissa << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  // A subnormal counts 2⁻²⁴; as a float it is normal.
  word[0] = mantissa * 5.9604644775390625e-8;
  return sign | word_bits[0]!;
}

const word = new Float32Array(1);
const word_bits = new Int32Array(word.buffer);

function half(h: number): number {
  word_bits[0] = half_bits(h);
  return word[0]!;
}
