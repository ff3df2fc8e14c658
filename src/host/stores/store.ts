// An index in PostgreSQL with pgvector: the SQL, the same for a server and for PGlite. Values travel as parameters, never
// in the text; the only name in the text is the table's, checked and quoted.

import { AlignError, show } from '../errors.ts';
import { check_ids, check_text, meta_text, vector_text } from './checks.ts';
import type { JsonValue } from '../search/entries.ts';
import { transact, type Database, type Query } from './database.ts';

/** What a store keeps of one picture or text. */
export interface StoreEntry {
  readonly id: string;
  /** [dimensions], of any length but 0; kept to the bit. */
  readonly embedding: Float32Array;
  readonly meta?: JsonValue | null;
}

/** What a search found: the cosine similarity, best first, ties by id. */
export interface StoreMatch {
  id: string;
  score: number;
  meta: JsonValue | null;
}

/** Options of {@link VectorStore.search}. */
export interface StoreSearchOptions {
  /** Keeps what it says true for. It runs here, on matches from the best down, until k are found. */
  filter?: ((id: string, meta: JsonValue | null) => boolean) | undefined;
  /** Keeps what has metadata that contains this, as `@>` of jsonb does; it runs in the database. */
  contains?: JsonValue | undefined;
  /**
   * True compares with every embedding, false walks the HNSW graph, which may miss some. Default: true up to 64 MB of
   * table (20,000 entries of 640 dimensions), false above.
   */
  exact?: boolean | undefined;
}

/** An index in a database. Calls may overlap; many processes may use one index. */
export interface VectorStore {
  readonly dimensions: number;
  /** Which model made the embeddings, null where nobody said. */
  readonly model: string | null;
  /** Puts entries in, over those with the same ids; all of them or, where it fails, none. */
  upsert(entries: readonly StoreEntry[]): Promise<void>;
  /** Takes entries out; ids that are not there are none of its business. */
  remove(ids: readonly string[]): Promise<void>;
  get(id: string): Promise<{ embedding: Float32Array; meta: JsonValue | null } | null>;
  search(query: Float32Array, k: number, options?: StoreSearchOptions): Promise<StoreMatch[]>;
  size(): Promise<number>;
  /** Every entry, by id. */
  entries(): AsyncIterableIterator<Required<StoreEntry>>;
  /** Ends the connections; calls after it throw `disposed`. */
  close(): Promise<void>;
}

/** Rows in one statement: about 4 MB of text at 640 dimensions. */
const BATCH = 500;
/** pgvector's largest hnsw.ef_search: how many neighbours its walk can give. */
const MAX_EF = 1000;
/** Bytes of a table that is read faster than a search needs to be. */
const SMALL = 64 * 2 ** 20;

interface Row {
  id: string;
  embedding: string;
  meta: string | null;
}

const json = (text: string | null): JsonValue | null =>
  text === null ? null : (JSON.parse(text) as JsonValue);
const vector = (text: string): Float32Array => Float32Array.from(JSON.parse(text) as number[]);
/** Best first, ties in the order of AlignIndex: by UTF-16 code units. */
const by_score = (a: StoreMatch, b: StoreMatch): number => b.score - a.score || (a.id < b.id ? -1 : 1);

/** {@link VectorStore} over a table that open_table found or made. */
export class SqlStore implements VectorStore {
  readonly dimensions: number;
  readonly model: string | null;
  readonly #database: Database;
  readonly #table: string;
  #closed: Promise<void> | undefined;

  constructor(database: Database, table: string, dimensions: number, model: string | null) {
    this.#database = database;
    this.#table = table;
    this.dimensions = dimensions;
    this.model = model;
  }

  #transact<T>(work: (query: Query) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new AlignError('disposed', 'The store was closed');
    return transact(this.#database, work);
  }

  async upsert(entries: readonly StoreEntry[]): Promise<void> {
    if (!Array.isArray(entries)) throw new AlignError('invalid_argument', `entries is ${show(entries)}`);
    // The last of several with one id counts, as if they had come one after the other.
    const rows = new Map<string, Row>();
    for (const { id, embedding, meta } of entries as readonly StoreEntry[]) {
      check_text(id, 'id');
      const what = `of ${show(id)}`;
      rows.set(id, {
        id,
        embedding: vector_text(embedding, this.dimensions, `the embedding ${what}`),
        meta: meta_text(meta, `upsert ${what}`),
      });
    }
    if (rows.size === 0) return;
    // Two writers that lock rows in one order do not wait for each other in a circle.
    const sorted = [...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    await this.#transact(async (query) => {
      for (let at = 0; at < sorted.length; at += BATCH) {
        const batch = sorted.slice(at, at + BATCH);
        // A row that is there already, to the bit, is not written again: the graph would grow by a dead node.
        await query(
          `INSERT INTO ${this.#table} AS old (id, embedding, meta, model)
           SELECT id, embedding::vector, meta::json, $4 FROM unnest($1::text[], $2::text[], $3::text[])
             AS new (id, embedding, meta)
           ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding, meta = excluded.meta
           WHERE vector_send(old.embedding) <> vector_send(excluded.embedding)
             OR old.meta::text IS DISTINCT FROM excluded.meta::text`,
          [batch.map((r) => r.id), batch.map((r) => r.embedding), batch.map((r) => r.meta), this.model],
        );
      }
    });
  }

  async remove(ids: readonly string[]): Promise<void> {
    const checked = check_ids(ids);
    if (checked.length === 0) return;
    await this.#transact(async (query) => {
      // In the order of upsert's locks.
      await query(
        `DELETE FROM ${this.#table} WHERE id IN
           (SELECT id FROM ${this.#table} WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE)`,
        [checked],
      );
    });
  }

  async get(id: string): Promise<{ embedding: Float32Array; meta: JsonValue | null } | null> {
    check_text(id, 'id');
    const [row] = await this.#transact((query) =>
      query<Row>(`SELECT embedding::text, meta::text FROM ${this.#table} WHERE id = $1`, [id]),
    );
    return row === undefined ? null : { embedding: vector(row.embedding), meta: json(row.meta) };
  }

  async size(): Promise<number> {
    const [row] = await this.#transact((query) =>
      query<{ size: number }>(`SELECT count(*)::float8 AS size FROM ${this.#table}`),
    );
    return row!.size;
  }

  async search(query: Float32Array, k: number, options: StoreSearchOptions = {}): Promise<StoreMatch[]> {
    const text = vector_text(query, this.dimensions, 'query');
    if (!Number.isSafeInteger(k) || k < 1) throw new AlignError('invalid_argument', `k is ${show(k)}`);
    const { filter, contains, exact } = options;
    if (filter !== undefined && typeof filter !== 'function')
      throw new AlignError('invalid_argument', `filter is ${show(filter)}`);
    const meta = meta_text(contains, 'search: contains');
    return this.#transact(async (run) => {
      for (let limit = k; ; limit *= 4) {
        const found = await this.#nearest(run, text, meta, Math.min(limit, 2 ** 31 - 1), exact);
        const kept = filter === undefined ? found : found.filter(({ id, meta }) => filter(id, meta));
        // Fewer than asked for: these were all.
        if (kept.length >= k || found.length < limit) return kept.slice(0, k);
      }
    });
  }

  /** The best `limit`, or all where there are fewer. */
  async #nearest(
    run: Query,
    query: string,
    contains: string | null,
    limit: number,
    exact: boolean | undefined,
  ): Promise<StoreMatch[]> {
    // More candidates than asked for, so that ties at the end are cut by id too.
    const candidates = Math.max(200, 2 * limit);
    const every = exact ?? (candidates > MAX_EF ? true : null);
    const [plan] = await run<{ graph: string }>(
      `SELECT set_config('hnsw.ef_search', $1, true), set_config('enable_indexscan',
         CASE WHEN coalesce($2::boolean, pg_table_size($3::regclass) < $4::int) THEN 'off' ELSE 'on' END, true) AS graph`,
      [String(Math.min(candidates, MAX_EF)), every, this.#table, SMALL],
    );
    const walk = plan!.graph === 'on' && candidates <= MAX_EF;
    // Only an order by distance alone can walk the graph.
    const order = walk ? 'embedding <=> $1::vector' : 'embedding <=> $1::vector, id';
    const found = await run<{ id: string; score: number; meta: string | null }>(
      `SELECT id, meta::text, 1 - distance AS score FROM
         (SELECT id, meta, embedding <=> $1::vector AS distance FROM ${this.#table}
          WHERE $2::text IS NULL OR meta::jsonb @> $2::text::jsonb ORDER BY ${order} LIMIT $3::int) AS near
       ORDER BY distance, id LIMIT $4::int`,
      [query, contains, walk ? candidates : limit, limit],
    );
    // The walk ends early where many of the graph's nodes are dead or do not match.
    if (walk && found.length < limit) return this.#nearest(run, query, contains, limit, true);
    return found.map(({ id, score, meta }) => ({ id, score, meta: json(meta) })).sort(by_score);
  }

  async *entries(): AsyncIterableIterator<Required<StoreEntry>> {
    for (let last: string | null = null, done = false; !done;) {
      const rows: Row[] = await this.#transact((query) =>
        query<Row>(
          `SELECT id, embedding::text, meta::text FROM ${this.#table}
           WHERE $1::text IS NULL OR id > $1 ORDER BY id LIMIT ${BATCH}`,
          [last],
        ),
      );
      for (const { id, embedding, meta } of rows)
        yield { id, embedding: vector(embedding), meta: json(meta) };
      last = rows.at(-1)?.id ?? last;
      done = rows.length < BATCH;
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#database.close());
  }
}
