// What may go into a store, checked before anything is sent. PostgreSQL's text has no NUL, and half of a surrogate pair
// would be sent as U+FFFD, so that two ids could become one.

import { AlignError, show } from '../errors.ts';
import { meta_text as json_text } from '../search/entries.ts';

/** pgvector's HNSW index takes no more. */
const MAX_DIMENSIONS = 2000;
/** PostgreSQL cuts names at 63 bytes; this leaves room for the names of the indexes. */
const TABLE = /^[A-Za-z_][A-Za-z0-9_]{0,47}$/;
const NOT_TEXT = /\0|\p{Surrogate}/u;
/** The same as JSON.stringify writes them: after an even number of backslashes. */
const NOT_TEXT_ESCAPED = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;
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

/** Metadata as JSON text, null for none. @throws AlignError `invalid_argument` for what JSON or a database's cannot hold. */
export function meta_text(meta: unknown, what: string): string | null {
  const text = json_text(() => what, meta);
  if (text !== null && NOT_TEXT_ESCAPED.test(text))
    refuse(`${what}: meta holds NUL or half of a surrogate pair`, 'a database keeps neither');
  return text;
}
