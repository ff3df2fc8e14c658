// The entry align-wasm/stores: an index in PostgreSQL with pgvector, on a server or in PGlite.

import { AlignError, show } from '../errors.ts';
import { check_dimensions, check_table, check_text } from './checks.ts';
import type { JsonValue } from '../search/entries.ts';
import { transact } from './database.ts';
import { open_pglite } from './pglite.ts';
import { open_postgres, type PgDriver } from './postgres.ts';
import { SqlStore, type StoreEntry, type VectorStore } from './store.ts';
import { open_table } from './table.ts';

export type { JsonValue } from '../search/entries.ts';
export type { PgDriver } from './postgres.ts';
export type { StoreEntry, StoreMatch, StoreSearchOptions, VectorStore } from './store.ts';

/** Options of {@link open_store}. */
export interface StoreOptions {
  /** Length of the embeddings, at most 2000. */
  dimensions: number;
  /** Name of the table. Default `align_index`. */
  table?: string | undefined;
  /** Which model makes the embeddings. A store remembers the first that is named, and refuses others. */
  model?: string | undefined;
  /** Whether a table or PGlite folder that is not there is made. Default true; without, it is `not_found`. */
  create?: boolean | undefined;
  /** The module `pg`, for runtimes that cannot import it when it is needed (Workers). */
  pg?: PgDriver | undefined;
}

/**
 * Opens an index in a database, and makes its table where there is none.
 * @param url `postgres://USER:PASSWORD@HOST:PORT/DATABASE` (package `pg`), or `pglite:FOLDER` (packages
 *   `@electric-sql/pglite` and `@electric-sql/pglite-pgvector`; one process at a time)
 * @throws AlignError `invalid_argument` (an option; other dimensions or another model than the store's), `limit_exceeded`
 *   (more than 2000 dimensions), `not_found` (package, database, extension, table), `network`.
 */
export async function open_store(url: string, options: StoreOptions): Promise<VectorStore> {
  const dimensions = check_dimensions((options as StoreOptions | undefined)?.dimensions);
  const table = check_table(options.table ?? 'align_index');
  const { model, create = true, pg } = options;
  if (model !== undefined && check_text(model, 'model') === '')
    throw new AlignError('invalid_argument', 'model is ""', { hint: 'leave it out' });
  const text = check_text(url, 'url');
  const [, scheme, rest] = /^(postgres(?:ql)?|pglite):(.*)$/s.exec(text) ?? [];
  if (scheme === undefined)
    throw new AlignError('invalid_argument', `url is ${show(text.replace(/\/\/.*@/s, '//…@'))}`, {
      hint: 'postgres://… or pglite:FOLDER',
    });
  const database = await (scheme === 'pglite' ? open_pglite(rest!, create) : open_postgres(text, pg));
  try {
    const found = await transact(database, (query) =>
      open_table(query, { table, dimensions, model: model ?? null, create }),
    );
    return new SqlStore(database, table, dimensions, found);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** What is used of an AlignIndex. */
export interface IndexLike {
  ids(): Iterable<string | number>;
  get(id: string): { embedding: Float32Array; meta: JsonValue | null } | null;
  upsert(id: string, embedding: Float32Array, meta?: JsonValue): void;
}

/** Entries that are under way at once. */
const BATCH = 1000;

/**
 * Copies every entry of an index into a store, a thousand at a time; with the embeddings as the index has them, rounded
 * unless its dtype is `'fp32'`.
 * @throws AlignError `invalid_argument`: an id that is a number; a database's ids are strings, and 1 would become '1'.
 */
export async function index_to_store(
  index: Pick<IndexLike, 'ids' | 'get'>,
  store: Pick<VectorStore, 'upsert'>,
): Promise<void> {
  const ids = Array.from(index.ids(), (id) => check_text(id, 'id'));
  for (let at = 0; at < ids.length; at += BATCH) {
    const entries = ids.slice(at, at + BATCH).map((id): StoreEntry => ({ id, ...index.get(id)! }));
    await store.upsert(entries);
  }
}

/** Copies every entry of a store into an index, over entries with the same ids. */
export async function store_to_index(
  store: Pick<VectorStore, 'entries'>,
  index: Pick<IndexLike, 'upsert'>,
): Promise<void> {
  for await (const { id, embedding, meta } of store.entries()) index.upsert(id, embedding, meta ?? undefined);
}
