// What a store needs of a database, and what its errors mean.

import { AlignError } from '../errors.ts';

/** One statement with its parameters ($1 …); gives the rows. */
export type Query = <Row>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** A PostgreSQL with pgvector, wherever it runs. */
export interface Database {
  /** For messages: where it is, without user and password. */
  readonly name: string;
  /** Commits what `work` did, or rolls it back where that threw. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Serialization failure, deadlock: others were faster, and the same transaction may be tried again. */
const AGAIN = /^(40001|40P01)$/;
const ATTEMPTS = 10;

/** SQLSTATE (PostgreSQL, appendix A) and the codes of Node's sockets, as ours. */
const MEANING: readonly (readonly [RegExp, AlignError['code'], string?])[] = [
  [/^(3D000|3F000|42P01|42704)$/, 'not_found'],
  [/^(0A000|58P01|42883)$/, 'not_found', 'PostgreSQL needs the extension pgvector, 0.5 or newer'],
  [/^5[34]/, 'limit_exceeded'],
  [/^XX00[12]$/, 'corrupt_index'],
  [/^28/, 'invalid_argument', 'check user and password of the URL'],
  [/^(08|57P)|^E[A-Z]{3}/, 'network'],
];

/** The error as an AlignError. */
export function database_error(name: string, cause: unknown): AlignError {
  if (cause instanceof AlignError) return cause;
  const { code, message, errors } = cause as { code?: unknown; message?: string; errors?: Error[] };
  const text = message || errors?.[0]?.message || String(cause);
  const state = typeof code === 'string' ? code : '';
  // What has no code at all never reached the database's SQL: a connection that ended or timed out.
  const found = MEANING.find(([pattern]) => pattern.test(state));
  const ours = found?.[1] ?? (state === '' ? 'network' : 'invalid_argument');
  const hint = found?.[2];
  return new AlignError(ours, `${name}: ${text}`, {
    cause,
    detail: state === '' ? {} : { sqlstate: state },
    ...(hint !== undefined && { hint }),
  });
}

/** `database.transaction`, again after a serialization failure or deadlock, with typed errors. */
export async function transact<T>(database: Database, work: (query: Query) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await database.transaction(work);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (typeof code !== 'string' || !AGAIN.test(code) || attempt === ATTEMPTS)
        throw database_error(database.name, error);
      // A random wait, so that the same two do not meet again.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * attempt));
    }
  }
}
