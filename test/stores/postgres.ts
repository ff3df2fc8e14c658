// A real PostgreSQL with pgvector on the loopback, in a temporary folder. scripts/setup.mjs installs it (pgserver's wheel).

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';

const WHEEL = fileURLToPath(new URL('../../.cache/pgserver/wheel', import.meta.url));
/** PostgreSQL does not run as root; nobody is on every system. */
const NOBODY = 65534;
const STARTING_MS = 30_000;

export interface Server {
  /** postgres://… of an empty database of this name. */
  database(name: string): Promise<string>;
  stop(): Promise<void>;
}

async function free_port(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Starts a server with a password of its own; it ends, and its folder goes, when this process does. */
export async function start_postgres(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'align-wasm-postgres-'));
  const [data, secret] = [join(folder, 'data'), join(folder, 'password')];
  const password = randomBytes(12).toString('hex');
  writeFileSync(secret, password);
  const root = process.getuid?.() === 0;
  let programs = join(WHEEL, 'pgserver/pginstall/bin');
  if (root) {
    // The repository may lie where nobody else can read.
    cpSync(WHEEL, join(folder, 'wheel'), { recursive: true, filter: (path) => !path.endsWith('/include') });
    programs = join(folder, 'wheel/pgserver/pginstall/bin');
    spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, folder]);
  }
  const options = { cwd: folder, ...(root && { uid: NOBODY, gid: NOBODY }) };
  const cluster = ['-D', data, '-U', 'align', '-A', 'scram-sha-256', '--pwfile', secret, '-N', '-E', 'UTF8'];
  const made = spawnSync(join(programs, 'initdb'), [...cluster, '--no-locale'], {
    ...options,
    encoding: 'utf8',
  });
  if (made.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`initdb: ${made.error?.message ?? made.stderr} (npm test installs it)`);
  }
  const port = await free_port();
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'fsync=off'];
  // The shell outlives us if we are killed: its input ends then, and with it the server and the folder.
  const script = '"$@" 2>log & read -r _; kill -INT $!; wait $!; cd /; rm -rf "$0"';
  const server_args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  const shell = spawn('sh', ['-c', script, folder, join(programs, 'postgres'), ...server_args], {
    ...options,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => shell.on('close', resolve));
  const stop = async (): Promise<void> => {
    shell.stdin.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = (name: string): string => `postgres://align:${password}@127.0.0.1:${port}/${name}`;
  for (const end = Date.now() + STARTING_MS; ;) {
    try {
      await (await connect(url('postgres'))).end();
      break;
    } catch (cause) {
      if (Date.now() > end) {
        await stop();
        throw new Error('PostgreSQL did not start', { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    stop,
    async database(name) {
      const client = await connect(url('postgres'));
      await client.query(`CREATE DATABASE "${name}"`);
      await client.end();
      return url(name);
    },
  };
}

/** Runs SQL beside the store's own connections. */
export async function run_sql<Row = Record<string, unknown>>(
  url: string,
  sql: string,
  parameters: unknown[] = [],
): Promise<Row[]> {
  const client = await connect(url);
  try {
    return (await client.query(sql, parameters)).rows as Row[];
  } finally {
    await client.end();
  }
}
