// A PostgreSQL server, by the client `pg`.

import { AlignError, show } from '../errors.ts';
import type { Database } from './database.ts';

/** What is used of the module `pg`; on Workers, where nothing is imported at run time, the caller hands it over. */
export interface PgDriver {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- pg's own types are an optional dependency
  readonly Client: new (config: any) => any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly Pool: new (config: any) => any;
}

interface Client {
  query(sql: string, parameters?: readonly unknown[]): Promise<{ rows: unknown[] }>;
  /** Gives it back to the pool, or with an error ends it. */
  release(error?: unknown): void;
}

interface Emitter {
  /** Without a listener, an error ends the process. */
  on(event: 'error', listener: () => void): void;
}

interface Pool extends Emitter {
  connect(): Promise<Client>;
  end(): Promise<void>;
}

/** Connections of one store. */
const CONNECTIONS = 4;
const CONNECT_MS = 15_000;

async function load_driver(): Promise<PgDriver> {
  // Not a literal: a bundle for Workers must not look for it.
  const name = 'pg' as string;
  try {
    const module = (await import(name)) as { default?: PgDriver } & PgDriver;
    return module.default ?? module;
  } catch (cause) {
    throw new AlignError('not_found', 'The PostgreSQL client pg cannot be imported', {
      hint: 'npm install pg, or hand the module over as the option `pg`',
      cause,
    });
  }
}

/** @throws AlignError `not_found` (no client), `invalid_argument` (no URL). Nothing is connected yet. */
export async function open_postgres(url: string, driver: PgDriver | undefined): Promise<Database> {
  if (!URL.canParse(url))
    // The URL may hold a password, so it is not shown.
    throw new AlignError('invalid_argument', 'That postgres:// URL is malformed', {
      hint: 'postgres://USER:PASSWORD@HOST:PORT/DATABASE, special characters as %XX',
    });
  const { host, pathname } = new URL(url);
  const { Client, Pool } = driver ?? (await load_driver());
  if (typeof Client !== 'function' || typeof Pool !== 'function')
    throw new AlignError('invalid_argument', `pg is ${show(driver)}`, { hint: 'the module pg' });
  // The pool's own limit would also count the time that a call waits for its turn.
  class Impatient extends Client {
    constructor(config: object) {
      super({ ...config, connectionTimeoutMillis: CONNECT_MS });
      // A connection that breaks: its statements fail, and the next call makes another.
      (this as unknown as Emitter).on('error', () => undefined);
    }
  }
  const pool = new Pool({
    connectionString: url,
    max: CONNECTIONS,
    allowExitOnIdle: true,
    Client: Impatient,
  }) as Pool;
  pool.on('error', () => undefined);
  return {
    name: `postgres://${host}${pathname}`,
    close: () => pool.end(),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await work(
          async <Row>(sql: string, parameters?: readonly unknown[]) =>
            (await client.query(sql, parameters)).rows as Row[],
        );
        await client.query('COMMIT');
        client.release();
        return result;
      } catch (error) {
        const broken = await client.query('ROLLBACK').then(
          () => undefined,
          (cause: unknown) => cause,
        );
        client.release(broken);
        throw error;
      }
    },
  };
}
