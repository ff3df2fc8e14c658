// What may go into a store, checked before anything is sent. PostgreSQL's text has no NUL, and half of a surrogate pair
// would be sent as U+FFFD, so that two ids could become one.

import { AlignError, show } from '../errors.ts';

/** What JSON can say. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** pgvector's HNSW index takes no more. */
const MAX_DIMENSIONS = 2000;
/** PostgreSQL cuts names at 63 bytes; this leaves room for the names of the indexes. */
const TABLE = /^[A-Za-z_][A-Za-z0-9_]{0,47}$/;
const NOT_TEXT = /\0|\p{Surrogate}/u;
/** Squared lengths that float32 sums neither lose nor overflow. */
const [SHORTEST, LONGEST] = [1e-30, 1e30];

function refuse(message: string, hint?: string): never {
  throw new AlignError('invalid_argument', message, hint === undefined ? {} : { hint });
}

/** @throws AlignError `invalid_argument`; `limit_exceeded` above pgvector's 2000. */
export function check_dimensions(dimensions: unknown): number {
  if (typeof dimensions !== 'number' || !Number.isInteger(dimensions) || dimensions < 1)
    refuse(`dimensions is ${show(dimensions)}`, 'the length of the embeddings');
  if (dimensions <= MAX_DIMENSIONS) return dimensions;
  throw new AlignError(
    'limit_exceeded',
    `${dimensions} dimensions: pgvector indexes at most ${MAX_DIMENSIONS}`,
    {
      detail: { dimensions, limit: MAX_DIMENSIONS },
    },
  );
}

/** The name as an SQL identifier. @throws AlignError `invalid_argument`. */
export function check_table(table: unknown): string {
  if (typeof table === 'string' && TABLE.test(table)) return `"${table}"`;
  return refuse(`table is ${show(table)}`, 'letters, digits and _, no digit first, at most 48');
}

/** Text that PostgreSQL keeps as it is; `what` is it in the message. @throws AlignError `invalid_argument`. */
export function check_text(text: unknown, what: string): string {
  if (typeof text !== 'string') return refuse(`${what} is ${show(text)}`, 'a database takes strings here');
  if (NOT_TEXT.test(text)) refuse(`${what} is ${show(text)}`, 'no NUL, no half of a surrogate pair');
  return text;
}

/** @throws AlignError `invalid_argument`: not a list of ids. */
export function check_ids(ids: unknown): string[] {
  if (!Array.isArray(ids)) return refuse(`ids is ${show(ids)}`, 'a list of strings');
  return ids.map((id) => check_text(id, 'id'));
}

/**
 * An embedding in pgvector's text form: the shortest decimals that give the same float32 back.
 * @throws AlignError `invalid_argument`: not a Float32Array, another length, not finite, without a direction.
 */
export function vector_text(embedding: unknown, dimensions: number, what: string): string {
  if (!(embedding instanceof Float32Array)) return refuse(`${what} is ${show(embedding)}`, 'a Float32Array');
  if (embedding.length !== dimensions)
    refuse(`${what} has ${embedding.length} numbers, the index has ${dimensions} dimensions`);
  let sum = 0;
  let text = '';
  for (const value of embedding) {
    sum += value * value;
    text += Object.is(value, -0) ? ',-0' : `,${value}`;
  }
  if (!(sum >= SHORTEST && sum <= LONGEST))
    refuse(`${what} has the length ${Math.sqrt(sum)}`, 'no cosine can be computed; 1 is best');
  return `[${text.slice(1)}]`;
}

/** Metadata as JSON, null where there is none. @throws AlignError `invalid_argument`: JSON cannot say it. */
export function meta_text(meta: unknown, what: string): string | null {
  if (meta === null || meta === undefined) return null;
  const check = (key: string, value: unknown): unknown => {
    check_text(key, `a key of ${what}`);
    if (typeof value === 'string') check_text(value, what);
    else if (typeof value === 'number' ? !Number.isFinite(value) : /^[bfs][iuy]/.test(typeof value))
      refuse(`${what} holds ${show(value)}`, 'JSON cannot say it');
    return value;
  };
  try {
    return JSON.stringify(meta, check);
  } catch (cause) {
    if (cause instanceof AlignError) throw cause;
    throw new AlignError('invalid_argument', `${what} is not JSON: ${String(cause)}`, { cause });
  }
}
