// Exact search by cosine over embeddings that live in WebAssembly memory (rows.ts, scan.ts), with ids and metadata beside
// them (entries.ts), kept in one file (index_file.ts).

import { platform } from '#platform';
import { Disposable } from '../dispose.ts';
import { AlignError, show, within_memory } from '../errors.ts';
import { check_options } from '../options.ts';
import { compile, type WasmInput } from '../wasm/module.ts';
import { checked_id, compare_ids, meta_text, parse_meta, type IndexId, type JsonValue } from './entries.ts';
import { index_bytes, index_chunks, type IndexContents } from './index_file.ts';
import {
  CREATE_RULES,
  LOAD_RULES,
  SEARCH_RULES,
  type IndexOptions,
  type Match,
  type SearchOptions,
} from './index_options.ts';
import { read_index } from './index_reader.ts';
import { local_path, open_source, type IndexSource } from './index_source.ts';
import type { IndexDtype } from './places.ts';
import { check_same_kind, rows_to_add } from './merge.ts';
import { Rows } from './rows.ts';
import { rank, rank_accepted, type Ranked } from './scan.ts';
import { checked_unit } from './unit.ts';

export type { IndexDtype, IndexId, IndexOptions, IndexSource, JsonValue, Match, SearchOptions };

/**
 * Embeddings by id. Whatever comes in is brought to length 1; results are ordered by score, those that score the same by id:
 * numbers before strings, numbers ascending, strings by UTF-16 code units.
 */
export class AlignIndex extends Disposable {
  readonly dimensions: number;
  readonly dtype: IndexDtype;
  /** Which model the embeddings are from, if that was said. */
  readonly model: string | null;
  #contents: IndexContents | null;
  readonly #places = new Map<IndexId, number>();
  /** What goes on during which nothing may change. */
  #fixed: string | null = null;

  private constructor(contents: IndexContents) {
    super();
    this.#contents = contents;
    this.dimensions = contents.rows.dimensions;
    this.dtype = contents.rows.dtype;
    this.model = contents.model;
    contents.ids.forEach((id, row) => this.#places.set(id, row));
  }

  /** An empty index. @throws AlignError `invalid_argument`, `out_of_memory` */
  static async create(o: IndexOptions): Promise<AlignIndex> {
    check_options('AlignIndex.create', o, CREATE_RULES);
    if ((o as IndexOptions | undefined)?.dimensions === undefined)
      throw new AlignError(
        'invalid_argument',
        'AlignIndex.create needs dimensions: how many numbers an embedding has',
      );
    return within_memory(async () => {
      const rows = new Rows(await compile(o.wasm), o.dtype ?? 'fp32', o.dimensions);
      return new AlignIndex({ rows, ids: [], metas: [], model: o.model ?? null });
    });
  }

  /** How many entries there are. */
  get size(): number {
    return this.#open.rows.count;
  }

  /** Bytes of WebAssembly memory held: the embeddings and some scratch. */
  get memory(): number {
    return this.#contents?.rows.bytes ?? 0;
  }

  /**
   * Adds an entry.
   * @throws AlignError `invalid_argument` for an id that is there already, an embedding of another length, with a number
   *   that is not finite or all zeros, or metadata that JSON cannot hold
   */
  add(id: IndexId, embedding: Float32Array, meta?: JsonValue | null): void {
    this.#put('add', id, embedding, meta, { known: false });
  }

  /** Changes an entry's embedding, its metadata, or both. @throws AlignError as {@link add}, and for an id that is not there */
  update(id: IndexId, embedding?: Float32Array | null, meta?: JsonValue | null): void {
    this.#put('update', id, embedding, meta, { known: true });
  }

  /** Adds an entry, or puts it in the place of the one with its id. @throws AlignError as {@link add} */
  upsert(id: IndexId, embedding: Float32Array, meta?: JsonValue | null): void {
    this.#put('upsert', id, embedding, meta ?? null, {});
  }

  /** Removes an entry; whether there was one. */
  remove(id: IndexId): boolean {
    const { rows, ids, metas } = this.#changing('remove');
    const row = this.#places.get(id);
    if (row === undefined) return false;
    rows.remove(row);
    const last = { id: ids.pop()!, meta: metas.pop()! };
    this.#places.delete(id);
    if (row === ids.length) return true;
    ids[row] = last.id;
    metas[row] = last.meta;
    this.#places.set(last.id, row);
    return true;
  }

  has(id: IndexId): boolean {
    return this.#open.rows.count > 0 && this.#places.has(id);
  }

  /** An entry with its embedding as it is kept: of length 1, and rounded to 8 bits and a scale unless dtype is `'fp32'`. */
  get(id: IndexId): { embedding: Float32Array; meta: JsonValue | null } | null {
    const { rows, metas } = this.#open;
    const row = this.#places.get(id);
    if (row === undefined) return null;
    return { embedding: within_memory(() => rows.read(row)), meta: parse_meta(metas[row]!) };
  }

  /** The ids, in no particular order. */
  ids(): IterableIterator<IndexId> {
    return this.#open.ids.values();
  }

  /**
   * The k entries nearest to a query, or to each query of an array, best first; fewer where there are fewer. Exact: every
   * score is the dot product in f64 of the query, brought to length 1, and the embedding as {@link get} gives it. With
   * dtype `'binary'` the entries are the best of those whose signs are most like the query's.
   * @throws AlignError `invalid_argument`
   */
  search(query: Float32Array, k: number, o?: SearchOptions): Match[];
  search(queries: readonly Float32Array[], k: number, o?: SearchOptions): Match[][];
  search(
    query: Float32Array | readonly Float32Array[],
    k: number,
    o: SearchOptions = {},
  ): Match[] | Match[][] {
    const { ids, metas } = this.#open;
    check_options('search', o, SEARCH_RULES);
    if (!Number.isSafeInteger(k) || k < 1)
      throw new AlignError('invalid_argument', `search: k must be a whole number from 1 on, not ${show(k)}`);
    return within_memory(() => {
      const many = Array.isArray(query);
      const queries = (many ? query : [query]).map((one: unknown, i) =>
        checked_unit(() => (many ? `search: queries[${i}]` : 'search: query'), one, this.dimensions),
      );
      const { filter } = o;
      const found = filter
        ? queries.map((one) => this.#filtered(one, k, (row) => filter(ids[row]!, parse_meta(metas[row]!))))
        : this.#rank(queries, k);
      const matches = found.map((rows) =>
        rows.map(({ row, score }) => ({ id: ids[row]!, score, meta: parse_meta(metas[row]!) })),
      );
      return many ? matches : matches[0]!;
    });
  }

  /** The index as a safetensors file, the same bytes for the same entries. */
  to_bytes(): Uint8Array {
    return within_memory(() => index_bytes(this.#open));
  }

  /** An index from what {@link to_bytes} gave. @throws AlignError `corrupt_index`, `out_of_memory` */
  static async from_bytes(
    bytes: Uint8Array | ArrayBuffer,
    o: { wasm?: WasmInput | undefined } = {},
  ): Promise<AlignIndex> {
    if (!(bytes instanceof Uint8Array || bytes instanceof ArrayBuffer))
      throw new AlignError(
        'invalid_argument',
        `AlignIndex.from_bytes takes a Uint8Array or ArrayBuffer, not ${show(bytes)}`,
      );
    return AlignIndex.load(bytes, o);
  }

  /**
   * Writes the index to a file, whole or not at all. It cannot be changed meanwhile.
   * @throws AlignError `invalid_argument` for a path that cannot be written, `not_found` where there is no file system
   */
  async save(path: string | URL): Promise<void> {
    const contents = this.#changing('save');
    const place = local_path('save', path);
    this.#fixed = 'is being saved';
    try {
      await within_memory(() => platform.write(place, index_chunks(contents)));
    } finally {
      this.#fixed = null;
    }
  }

  /**
   * An index from a file: its path, a URL, a Blob or its bytes.
   * @throws AlignError `corrupt_index` for a file that is damaged, cut off or something else, `not_found`, `network`,
   *   `too_large`, `invalid_argument`, `out_of_memory`
   */
  static async load(from: IndexSource, o: { wasm?: WasmInput | undefined } = {}): Promise<AlignIndex> {
    check_options('AlignIndex.load', o, LOAD_RULES);
    return within_memory(async () => {
      const source = await open_source(from);
      try {
        return new AlignIndex(await read_index(source, await compile(o.wasm)));
      } finally {
        await source.close?.();
      }
    });
  }

  /**
   * Takes over all entries of another index of the same kind; those that both have must be equal.
   * @throws AlignError `invalid_argument`, with nothing changed
   */
  merge(other: AlignIndex): void {
    const { rows } = this.#changing('merge');
    if (!(other instanceof AlignIndex))
      throw new AlignError('invalid_argument', `merge takes an AlignIndex, not ${show(other)}`);
    const theirs = other.#open;
    check_same_kind(this, other);
    within_memory(() => {
      const fresh = rows_to_add(this.#open, this.#places, theirs);
      rows.reserve(rows.count + fresh.length);
      for (const row of fresh) {
        rows.copy(rows.count, theirs.rows, row);
        this.#append(theirs.ids[row]!, theirs.metas[row]!);
        rows.count++;
      }
    });
  }

  /** Frees the memory. Idempotent. */
  override dispose(): void {
    this.#contents = null;
    this.#places.clear();
  }

  get #open(): IndexContents {
    if (this.#contents) return this.#contents;
    throw new AlignError('disposed', 'This AlignIndex was disposed', { hint: 'load or create it again' });
  }

  #changing(what: string): IndexContents {
    const contents = this.#open;
    if (this.#fixed === null) return contents;
    throw new AlignError('invalid_argument', `${what}: the index ${this.#fixed}`, {
      hint: 'wait for that to end',
    });
  }

  #put(
    what: string,
    given_id: IndexId,
    embedding: Float32Array | null | undefined,
    meta: JsonValue | null | undefined,
    { known }: { known?: boolean },
  ): void {
    const { rows, metas } = this.#changing(what);
    const id = checked_id(what, given_id);
    const row = this.#places.get(id);
    if (known !== undefined && known !== (row !== undefined))
      throw new AlignError(
        'invalid_argument',
        `${what}: the index has ${known ? 'no' : 'an'} entry ${show(id)}${known ? '' : ' already'}`,
        { detail: { id }, hint: known ? 'add it' : 'use update or upsert' },
      );
    const text = meta_text(() => `${what}: ${show(id)}`, meta);
    const keeps = known === true && (embedding === undefined || embedding === null);
    if (!keeps)
      within_memory(() =>
        rows.write(
          row ?? rows.count,
          checked_unit(() => `${what}: the embedding of ${show(id)}`, embedding, this.dimensions),
        ),
      );
    if (row === undefined) this.#append(id, text);
    else if (meta !== undefined) metas[row] = text;
  }

  #append(id: IndexId, meta: string | null): void {
    const { ids, metas } = this.#open;
    this.#places.set(id, ids.length);
    ids.push(id);
    metas.push(meta);
  }

  #rank(queries: readonly Float32Array[], k: number): Ranked[][] {
    const { rows, ids } = this.#open;
    return rank(rows, queries, k, (a, b) => compare_ids(ids[a]!, ids[b]!));
  }

  #filtered(query: Float32Array, k: number, accepts: (row: number) => boolean): Ranked[] {
    const before = this.#fixed;
    this.#fixed ??= 'is being searched';
    try {
      return rank_accepted((ranked) => this.#rank([query], ranked)[0]!, k, this.size, accepts);
    } finally {
      this.#fixed = before;
    }
  }
}
