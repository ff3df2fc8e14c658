// PostgreSQL in WASM, in a folder of this machine, by the packages @electric-sql/pglite and @electric-sql/pglite-pgvector.

import { AlignError } from '../errors.ts';
import type { Database, Query } from './database.ts';

interface PGlite {
  query(sql: string, parameters?: readonly unknown[]): Promise<{ rows: unknown[] }>;
  transaction<T>(work: (transaction: Pick<PGlite, 'query'>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

type Create = (folder: string) => Promise<PGlite>;

async function load_pglite(): Promise<Create> {
  // Not literals: a bundle for Workers must not look for them.
  const [main, extension] = ['@electric-sql/pglite', '@electric-sql/pglite-pgvector'] as [string, string];
  try {
    const { PGlite } = (await import(main)) as { PGlite: { create(options: object): Promise<PGlite> } };
    const { vector } = (await import(extension)) as { vector: unknown };
    return (folder) => PGlite.create({ dataDir: `file://${folder}`, extensions: { vector } });
  } catch (cause) {
    throw new AlignError('not_found', 'PGlite cannot be imported', {
      hint: 'npm install @electric-sql/pglite @electric-sql/pglite-pgvector',
      cause,
    });
  }
}

/** An open folder, shared by the stores of this process. */
interface Open {
  readonly database: PGlite;
  readonly release: () => Promise<void>;
  stores: number;
}

const folders = new Map<string, Open>();
let last: Promise<unknown> = Promise.resolve();

/** Opens and closes one after the other, so that a folder is not opened while it is being closed. */
function in_turn<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work);
  last = mine.catch(() => undefined);
  return mine;
}

async function open_folder(folder: string, create: Create, make: boolean): Promise<Open> {
  const { claim_folder } = await import('../platform/node_folder.ts');
  const release = await claim_folder(
    folder,
    'PG_VERSION',
    make ? async (empty) => (await create(empty)).close() : null,
  );
  try {
    return { database: await create(folder), release, stores: 0 };
  } catch (cause) {
    await release();
    throw new AlignError('corrupt_index', `PGlite cannot open ${folder}: ${String(cause)}`, { cause });
  }
}

/**
 * Opens the folder; `make` makes it where it is not. One process at a time can have it.
 * @throws AlignError `not_found` (not installed; no folder), `invalid_argument` (in use, or something else is in the folder),
 *   `corrupt_index`.
 */
export async function open_pglite(folder: string, make: boolean): Promise<Database> {
  if (folder === '' || folder.includes('\0'))
    throw new AlignError('invalid_argument', 'pglite: needs a folder', { hint: 'pglite:FOLDER' });
  const create = await load_pglite();
  const { absolute } = await import('../platform/node_folder.ts');
  const path = absolute(folder);
  const shared = await in_turn(async () => {
    const found = folders.get(path) ?? (await open_folder(path, create, make));
    folders.set(path, found);
    found.stores += 1;
    return found;
  });
  return {
    name: `pglite:${folder}`,
    close: () =>
      in_turn(async () => {
        shared.stores -= 1;
        if (shared.stores > 0) return;
        folders.delete(path);
        await shared.database.close();
        await shared.release();
      }),
    transaction: (work) =>
      shared.database.transaction((transaction) => {
        const query: Query = async <Row>(sql: string, parameters?: readonly unknown[]) =>
          (await transaction.query(sql, parameters)).rows as Row[];
        return work(query);
      }),
  };
}
