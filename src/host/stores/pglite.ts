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

/**
 * Opens the folder, or makes it. One process at a time can have it.
 * @throws AlignError `not_found` (not installed), `invalid_argument` (in use, or something else is in the folder).
 */
export async function open_pglite(folder: string): Promise<Database> {
  if (folder === '' || folder.includes('\0'))
    throw new AlignError('invalid_argument', 'pglite: needs a folder', { hint: 'pglite:FOLDER' });
  const create = await load_pglite();
  const { claim_folder } = await import('../platform/node_folder.ts');
  const release = await claim_folder(folder, 'PG_VERSION', async (empty) => (await create(empty)).close());
  const database = await create(folder).catch(async (cause: unknown) => {
    await release();
    throw new AlignError('corrupt_index', `${folder} cannot be opened by PGlite: ${String(cause)}`, {
      cause,
    });
  });
  return {
    name: `pglite:${folder}`,
    async close() {
      await database.close();
      await release();
    },
    transaction: (work) =>
      database.transaction((transaction) => {
        const query: Query = async <Row>(sql: string, parameters?: readonly unknown[]) =>
          (await transaction.query(sql, parameters)).rows as Row[];
        return work(query);
      }),
  };
}
