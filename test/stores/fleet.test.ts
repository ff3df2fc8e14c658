// Node, Deno and workerd each embed a third of the example pictures into one index in PostgreSQL. Since embeddings are the
// same bits everywhere, the index equals the one that a single machine fills.

import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open_store, type StoreEntry, type StoreMatch } from '../../src/host/stores/index.ts';
import { DENO, program } from '../support/programs.ts';
import { start_workers } from '../support/workers.ts';
import { start_postgres, type Server } from './postgres.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'align-wasm-fleet-'));
const examples = join(here, '../../examples/pictures');
const pictures = readdirSync(examples)
  .filter((name) => name.endsWith('.png'))
  .map((name) => join(examples, name));
const DIMENSIONS = 256;
let server: Server;

beforeAll(async () => {
  server = await start_postgres();
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: here });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${command} ended with ${String(status)}: ${errors}`));
    });
  });
}

const in_node = (url: string, paths: readonly string[]): Promise<void> =>
  run(process.execPath, ['fleet_host.mjs', url, ...paths]);

const in_deno = (url: string, paths: readonly string[]): Promise<void> => {
  const allowed = ['--no-prompt', '--allow-read', '--allow-env', '--allow-sys', '--allow-net=127.0.0.1'];
  return run(program(DENO), ['run', ...allowed, 'fleet_host.mjs', url, ...paths]);
};

async function in_workerd(url: string, paths: readonly string[]): Promise<void> {
  await build({
    entryPoints: [join(here, 'fleet_worker.mjs')],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['workerd'],
    external: ['cloudflare:*', 'pg-native'],
    assetNames: '[name]',
    loader: { '.wasm': 'copy', '.bin': 'copy' },
    // pg asks for Node's built-ins by require, which workerd has under nodejs_compat.
    banner: { js: "import { createRequire as of } from 'node:module'; const require = of('/');" },
    logLevel: 'error',
  });
  const [main, ...rest] = readdirSync(folder).sort((a) => (a.endsWith('.mjs') ? -1 : 1));
  const worker = {
    name: 'fleet',
    modulesRoot: folder,
    modules: [
      { type: 'ESModule', path: join(folder, main!) },
      ...rest.map((name) => ({
        type: name.endsWith('.wasm') ? 'CompiledWasm' : 'Data',
        path: join(folder, name),
      })),
    ],
    compatibilityDate: '2026-04-01',
    compatibilityFlags: ['nodejs_compat'],
  };
  const workers = await start_workers([worker], () => undefined);
  try {
    const files = paths.map((path) => [basename(path), readFileSync(path, 'base64')]);
    const body = JSON.stringify({ url, pictures: Object.fromEntries(files) as Record<string, string> });
    const response = await fetch(await workers.unsafeGetDirectURL('fleet'), { method: 'POST', body });
    if (!response.ok) throw new Error(await response.text());
  } finally {
    await workers.dispose();
  }
}

/** What a database holds, and what it finds. */
async function contents(url: string): Promise<{ entries: StoreEntry[]; found: StoreMatch[][] }> {
  const store = await open_store(url, {
    dimensions: DIMENSIONS,
    table: 'fleet',
    model: 'icons',
    create: false,
  });
  const entries: Required<StoreEntry>[] = [];
  for await (const one of store.entries()) entries.push(one);
  const found = await Promise.all(entries.map(({ embedding }) => store.search(embedding, 5)));
  await store.close();
  return { entries, found };
}

test('Node, Deno and workerd fill one index, equal to the bit to one that Node fills alone', async () => {
  const url = await server.database('fleet');
  const third = (part: number): string[] => pictures.filter((_, i) => i % 3 === part);
  await Promise.all([in_node(url, third(0)), in_deno(url, third(1)), in_workerd(url, third(2))]);
  const together = await contents(url);

  const alone = await server.database('alone');
  await in_node(alone, pictures);
  expect(together).toEqual(await contents(alone));
  expect(together.entries.map(({ id }) => id)).toEqual(pictures.map((path) => basename(path)).sort());
  expect(together.found.map(([best]) => best!.id)).toEqual(together.entries.map(({ id }) => id));
});
