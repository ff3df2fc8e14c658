// The table of an index: made once, and recognised by a comment that says which model filled it.
//
//   id text primary key | embedding vector(dimensions), HNSW by cosine | meta json | model text
//
// json keeps the text that came in, where jsonb would put keys into another order (version 1 did). The check `one_model`
// lets no row of another model in, whoever writes it.

import { AlignError, show } from '../errors.ts';
import type { Query } from './database.ts';

const FORMAT = 'align-wasm index';
const VERSION = 2;

/** What an index's table is to be; `null` stands for a model that nobody named. */
export interface TableOptions {
  /** As an SQL identifier. */
  readonly table: string;
  readonly dimensions: number;
  readonly model: string | null;
  /** Whether to make the table where it is not. */
  readonly create: boolean;
}

interface About {
  readonly dimensions: number;
  readonly model: string | null;
}

/** The table as it is, null where there is none. @throws AlignError `invalid_argument`: another program's table. */
async function look(query: Query, table: string): Promise<About | null> {
  const [found] = await query<{ dimensions: number | null; about: string | null }>(
    `SELECT a.atttypmod AS dimensions, obj_description(c.oid, 'pg_class') AS about
     FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'embedding'
     WHERE c.oid = to_regclass($1)`,
    [table],
  );
  if (found === undefined) return null;
  let about: { format?: unknown; version?: unknown; model?: unknown } = {};
  try {
    about = JSON.parse(found.about ?? '{}') as typeof about;
  } catch {
    // Another program's comment.
  }
  if (about.format !== FORMAT || found.dimensions === null)
    throw new AlignError('invalid_argument', `The table ${table} is not an index of align-wasm`, {
      hint: 'name another table',
    });
  if (about.version !== VERSION)
    throw new AlignError(
      'invalid_argument',
      `The index ${table} has version ${show(about.version)}, this program knows ${VERSION}`,
    );
  return { dimensions: found.dimensions, model: typeof about.model === 'string' ? about.model : null };
}

/** Writes down the model. Names and comments take no parameters in SQL: format() quotes what a setting hands over. */
async function name_model(query: Query, table: string, model: string | null): Promise<void> {
  const about = JSON.stringify({ format: FORMAT, version: VERSION, model });
  await query(`SELECT set_config('align_wasm.model', $1, true), set_config('align_wasm.about', $2, true)`, [
    model ?? '',
    about,
  ]);
  await query(`DO $$ BEGIN
    EXECUTE format('ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS one_model,
      ADD CONSTRAINT one_model CHECK (model IS NOT DISTINCT FROM %L)', nullif(current_setting('align_wasm.model'), ''));
    EXECUTE format('COMMENT ON TABLE ${table} IS %L', current_setting('align_wasm.about'));
  END $$`);
}

async function make(query: Query, { table, dimensions, model }: TableOptions): Promise<void> {
  await query('CREATE EXTENSION IF NOT EXISTS vector');
  // Ids in the order of their code points, the same on every server.
  await query(`CREATE TABLE ${table} (id text COLLATE "C" PRIMARY KEY, embedding vector(${dimensions}) NOT NULL,
    meta json, model text)`);
  await query(`CREATE INDEX ON ${table} USING hnsw (embedding vector_cosine_ops)`);
  await name_model(query, table, model);
}

/**
 * Finds or makes the table, in a transaction; one that is there needs no rights but to read.
 * @returns the model that the index is of
 * @throws AlignError `not_found`, or `invalid_argument`: other dimensions, another model, another program's table.
 */
export async function open_table(query: Query, options: TableOptions): Promise<string | null> {
  const { table, dimensions, model, create } = options;
  let about = await look(query, table);
  if (about === null && !create)
    throw new AlignError('not_found', `There is no index ${table}`, { hint: 'fill it first' });
  if (about === null || (about.model === null && model !== null)) {
    // One at a time: CREATE … IF NOT EXISTS fails where two do it at once.
    await query(`SELECT pg_advisory_xact_lock(hashtext('align_wasm'))`);
    about = await look(query, table);
    if (about === null) {
      await make(query, options);
      return model;
    }
  }
  if (about.dimensions !== dimensions)
    throw new AlignError(
      'invalid_argument',
      `The index ${table} has ${about.dimensions} dimensions, these embeddings ${dimensions}`,
      { hint: 'an index holds one model’s embeddings: name another table' },
    );
  if (model === null || about.model === model) return about.model;
  if (about.model === null) {
    const [row] = await query(`SELECT 1 FROM ${table} LIMIT 1`);
    if (row === undefined) {
      await name_model(query, table, model);
      return model;
    }
  }
  throw new AlignError(
    'invalid_argument',
    `The index ${table} is of ${other(about.model)}, not ${show(model)}`,
    {
      hint: 'an index holds one model’s embeddings: name another table',
    },
  );
}

const other = (model: string | null): string =>
  model === null ? 'a model that was not named' : `the model ${show(model)}`;
