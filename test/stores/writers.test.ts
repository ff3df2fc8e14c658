// Many processes and one index: writers at once, writers that are killed, readers without rights, servers that are not there.

import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open_store, type VectorStore } from '../../src/host/stores/index.ts';
import { entry } from './entries.mjs';
import { run_sql, start_postgres, type Server } from './postgres.ts';

const folder = mkdtempSync(join(tmpdir(), 'align-wasm-writers-'));
const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
let server: Server;

beforeAll(async () => {
  server = await start_postgres();
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the table that writer.mjs fills. */
const written = (url: string): Promise<VectorStore> =>
  open_store(url, { dimensions: 32, table: 'written', model: 'm' });

interface Writer {
  readonly child: ChildProcess;
  /** Its store is open. */
  readonly opened: Promise<void>;
  /** Its exit status, null where it was killed; rejects where it failed. */
  readonly ended: Promise<number | null>;
}

function write(url: string, first: number, count: number): Writer {
  const script = fileURLToPath(new URL('writer.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, url, String(first), String(count)]);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('close', (status) => {
      if (status === 0 || status === null) resolve(status);
      else reject(new Error(errors));
    });
  });
  const opened = new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    ended.then(() => resolve(), reject);
  });
  return { child, opened, ended };
}

/** What is in a store, as the numbers of its entries; every entry must be whole. */
async function numbers(store: VectorStore): Promise<number[]> {
  const found: number[] = [];
  for await (const { id, embedding, meta } of store.entries()) {
    const number = Number(id.slice('entry '.length));
    expect({ id, embedding, meta }).toEqual(entry(number));
    found.push(number);
  }
  return found.sort((a, b) => a - b);
}

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The code and message of what a promise rejects with. */
const refusal = (promise: Promise<unknown>): Promise<{ code: string; message: string }> =>
  promise.then(
    () => ({ code: 'none', message: 'nothing was thrown' }),
    (error: unknown) => error as { code: string; message: string },
  );

test('eight processes that start at once and overlap leave the union', async () => {
  const url = await server.database('union');
  const writers = range(0, 8).map((i) => write(url, i * 100, 300));
  await Promise.all(writers.map(({ ended }) => ended));
  const store = await written(url);
  expect(await numbers(store)).toEqual(range(0, 1000));
  await store.close();
});

test('a writer that is killed in its transaction leaves nothing, and does not stop others', async () => {
  const url = await server.database('killed');
  const store = await written(url);
  await store.upsert(range(0, 10).map((i) => entry(i)));
  for (let round = 0; round < 3; round++) {
    const { child, opened, ended } = write(url, 100, 4000);
    await opened;
    const writing = `SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE 'INSERT%'
      AND datname = current_database() AND xact_start IS NOT NULL`;
    while ((await run_sql(url, writing)).length === 0) await sleep(5);
    await sleep(round * 80);
    child.kill('SIGKILL');
    await ended;
    await store.upsert([entry(10 + round)]);
    while ((await run_sql(url, writing)).length > 0) await sleep(5);
    expect(await numbers(store)).toEqual(range(0, 11 + round));
  }
  await write(url, 100, 600).ended;
  expect(await numbers(store)).toEqual([...range(0, 13), ...range(100, 600)]);
  await store.close();
});

test('a killed process leaves a PGlite folder that opens, with all of its upsert or nothing', async () => {
  const url = `pglite:${join(folder, 'killed')}`;
  // Killed while the folder is made: it is not there, or whole.
  const maker = write(url, 0, 10);
  while (!existsSync(join(folder, 'killed.partial'))) await sleep(5);
  await sleep(200);
  maker.child.kill('SIGKILL');
  await maker.ended;
  expect(existsSync(join(folder, 'killed'))).toBe(false);

  await write(url, 0, 10).ended;
  for (let round = 0; round < 2; round++) {
    const { child, opened, ended } = write(url, 100, 4000);
    await opened;
    // While it has the folder nobody else gets it.
    if (round === 0) expect(await refusal(written(url))).toMatchObject({ code: 'invalid_argument' });
    await sleep(100 + 250 * round);
    child.kill('SIGKILL');
    expect(await ended).toBeNull();
    const store = await written(url);
    expect(await numbers(store)).toEqual(range(0, 10));
    await store.close();
  }
  const store = await written(url);
  await store.upsert(range(100, 600).map((i) => entry(i)));
  expect(await numbers(store)).toEqual([...range(0, 10), ...range(100, 600)]);
  await store.close();

  // Who only looks makes nothing.
  for (const name of ['missing', 'missing/too']) {
    const missing = open_store(`pglite:${join(folder, name)}`, { dimensions: 32, create: false });
    expect(await refusal(missing)).toMatchObject({ code: 'not_found' });
  }
  expect(readdirSync(folder)).toEqual(['killed']);
  writeFileSync(join(folder, 'file'), '');
  expect(await refusal(written(`pglite:${folder}`))).toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('something else') as unknown,
  });
  expect(await refusal(written(`pglite:${join(folder, 'file')}`))).toMatchObject({
    code: 'invalid_argument',
  });
});

test('a deadlock is tried again', async () => {
  const url = await server.database('deadlock');
  const store = await written(url);
  await store.upsert([entry(1), entry(2)]);
  const other = new Client({ connectionString: url });
  await other.connect();
  // The other one waits longer than PostgreSQL needs to find the circle from the store's side.
  await other.query(`SET deadlock_timeout = '60s'`);
  await other.query('BEGIN');
  await other.query(`UPDATE written SET meta = '"other"' WHERE id = 'entry 2'`);
  const upsert = store.upsert([
    { ...entry(1), meta: 'store' },
    { ...entry(2), meta: 'store' },
  ]);
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT%'
    AND datname = current_database()`;
  while ((await run_sql(url, waiting)).length === 0) await sleep(5);
  await other.query(`UPDATE written SET meta = '"other"' WHERE id = 'entry 1'`);
  await other.query('COMMIT');
  await other.end();
  await upsert;
  for (const id of ['entry 1', 'entry 2']) expect((await store.get(id))!.meta).toBe('store');
  const [row] = await run_sql<{ deadlocks: string }>(
    url,
    `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`,
  );
  expect(Number(row!.deadlocks)).toBeGreaterThan(0);
  await store.close();
});

test('a connection that ends in a transaction fails its call alone', async () => {
  const url = await server.database('ended');
  const store = await written(url);
  const upsert = refusal(store.upsert(range(0, 4000).map((i) => entry(i))));
  const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE query LIKE 'INSERT%' AND datname = current_database() AND pid <> pg_backend_pid()`;
  while ((await run_sql(url, end)).length === 0) await sleep(5);
  expect((await upsert).code).toBe('network');
  await store.upsert([entry(1)]);
  expect(await numbers(store)).toEqual([1]);
  await store.close();
});

test('a reader needs no rights but to read; searches walk the graph; connections come back', async () => {
  const url = await server.database('rights');
  const owner = await written(url);
  await owner.upsert(range(0, 2000).map((i) => entry(i)));
  await owner.close();
  await run_sql(url, `CREATE ROLE reader LOGIN PASSWORD 'p'`);
  await run_sql(url, 'GRANT SELECT ON written TO reader');
  const reader = new URL(url);
  reader.username = 'reader';
  reader.password = 'p';
  const store = await written(reader.href);
  const found = await store.search(entry(5).embedding, 3, { exact: false });
  expect(found[0]).toMatchObject({ id: 'entry 5', meta: { number: 5 } });
  expect(await refusal(store.upsert([entry(1)]))).toMatchObject({ code: 'invalid_argument' });
  await run_sql(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'`);
  await sleep(50);
  expect(await store.size()).toBe(2000);
  await store.close();
  // Statistics are written when a connection ends.
  const scans = `SELECT idx_scan::int AS n FROM pg_stat_user_indexes WHERE indexrelname LIKE '%embedding%'`;
  let walks = 0;
  for (let tries = 0; tries < 100 && walks === 0; tries++) {
    walks = (await run_sql<{ n: number }>(url, scans))[0]!.n;
    await sleep(20);
  }
  expect(walks).toBeGreaterThan(0);
  const [index] = await run_sql<{ indexdef: string }>(
    url,
    `SELECT indexdef FROM pg_indexes WHERE tablename = 'written' AND indexdef LIKE '%hnsw%'`,
  );
  expect(index!.indexdef).toContain('hnsw (embedding vector_cosine_ops)');
});

test('what is not there is named, and passwords are not', async () => {
  const url = await server.database('errors');
  const changed = (part: 'port' | 'pathname' | 'password' | 'username', value: string): string => {
    const other = new URL(url);
    other[part] = value;
    return other.href;
  };
  const { password } = new URL(url);
  const cases: [string, string][] = [
    [changed('port', '1'), 'network'],
    [changed('pathname', 'missing'), 'not_found'],
    [changed('password', 'wrong'), 'invalid_argument'],
    [changed('username', 'nobody'), 'invalid_argument'],
    [`postgres://align:${password}@[::1`, 'invalid_argument'],
    [`mysql://align:${password}@127.0.0.1/x`, 'invalid_argument'],
    ['pglite:', 'invalid_argument'],
    ['', 'invalid_argument'],
  ];
  for (const [wrong, code] of cases) {
    const error = await refusal(written(wrong));
    expect([wrong, error.code]).toEqual([wrong, code]);
    expect(error.message).not.toContain(password);
  }
  expect(await refusal(written(undefined as never))).toMatchObject({ code: 'invalid_argument' });
});

test('a client that is not installed is named, with what to do', async () => {
  const alone = join(folder, 'alone');
  for (const part of ['stores', 'search', 'platform/node_folder.js', 'errors.js'])
    cpSync(join(dist, part), join(alone, part), { recursive: true });
  writeFileSync(join(alone, 'package.json'), '{ "type": "module" }');
  const script = `import { open_store } from './stores/index.js';
    for (const url of ['postgres://127.0.0.1/x', 'pglite:x'])
      await open_store(url, { dimensions: 4 }).catch((e) => console.log(e.code, e.hint));`;
  writeFileSync(join(alone, 'script.js'), script);
  const child = spawn(process.execPath, ['script.js'], { cwd: alone });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await new Promise((resolve) => child.on('close', resolve));
  expect(out).toBe(
    'not_found npm install pg, or hand the module over as the option `pg`\n' +
      'not_found npm install @electric-sql/pglite @electric-sql/pglite-pgvector\n',
  );
});
