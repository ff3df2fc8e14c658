// The rows of the matrix: the runtimes, and how each computes its cells.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUN, DENO, NEWEST_NODE, program } from '../../support/programs.ts';
import { bundle_worker, start_workers } from '../../support/workers.ts';
import { run_in_chromium } from '../chromium.ts';
import { run_in_firefox, run_process } from '../processes.ts';
import { wasi_row, wasmtime_version } from './wasi.ts';

/** What a runtime found for one way to compute all embeddings. */
export interface Cell {
  readonly dtype: 'fp32' | 'q8';
  readonly threads: 1 | 2;
  /** A call for each picture and text, or one for all. */
  readonly how: 'alone' | 'batch';
  /** SHA-256 of all embeddings, pictures first, in hex. Without it the runtime has no threads. */
  readonly digest?: string;
  /** The beginning of each embedding's own. */
  readonly items?: readonly string[];
}

export interface Row {
  /** Of the runtime. */
  readonly version: string;
  readonly cells: readonly Cell[];
}

export interface Runtime {
  readonly name: string;
  /** Whether two threads can compute there. */
  readonly threads: boolean;
  /** @throws Error where the runtime is missing, or fails. */
  readonly run: (blob: Uint8Array) => Promise<Row>;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const PAGE = '/isolated/test/runtimes/matrix/page.html';
const HOST = 'matrix/host.mjs';
const DENO_ARGS = ['run', '--no-prompt', '--no-remote', '--allow-read', HOST];

async function run_in_workerd(blob: Uint8Array): Promise<Row> {
  const { version } = JSON.parse(
    readFileSync(join(here, '../binaries/node_modules/workerd/package.json'), 'utf8'),
  ) as { version: string };
  const folder = await mkdtemp(join(tmpdir(), 'align-matrix-'));
  const worker = await bundle_worker('matrix', `${here}workerd/wrangler.jsonc`, folder);
  const workers = await start_workers([worker], () => undefined);
  try {
    const url = await workers.unsafeGetDirectURL('matrix');
    const response = await fetch(url, { method: 'POST', body: new Uint8Array(blob) });
    if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    return { version, ...((await response.json()) as Pick<Row, 'cells'>) };
  } finally {
    await workers.dispose();
    await rm(folder, { recursive: true });
  }
}

/** The newest Node's version. */
function newest_node(): string {
  return execFileSync(program(NEWEST_NODE), ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
}

/** The first is what the others are compared with. */
export const RUNTIMES: readonly Runtime[] = [
  { name: 'Node', threads: true, run: (blob) => run_process(process.execPath, [HOST], blob) },
  { name: 'newest Node', threads: true, run: (blob) => run_process(program(NEWEST_NODE), [HOST], blob) },
  { name: 'Deno', threads: true, run: (blob) => run_process(program(DENO), DENO_ARGS, blob) },
  { name: 'Bun', threads: true, run: (blob) => run_process(program(BUN), [HOST], blob) },
  {
    name: 'Chromium, window',
    threads: false,
    run: (blob) => run_in_chromium(PAGE, blob) as Promise<Row>,
  },
  {
    name: 'Chromium, worker',
    threads: true,
    run: (blob) => run_in_chromium(`${PAGE}?worker`, blob) as Promise<Row>,
  },
  {
    name: 'Chromium, worker: true',
    threads: true,
    run: (blob) => run_in_chromium(`${PAGE}?models`, blob) as Promise<Row>,
  },
  { name: 'Firefox, window', threads: false, run: (blob) => run_in_firefox(PAGE, blob) },
  { name: 'Firefox, worker', threads: false, run: (blob) => run_in_firefox(`${PAGE}?worker`, blob) },
  { name: 'Firefox, worker: true', threads: true, run: (blob) => run_in_firefox(`${PAGE}?models`, blob) },
  { name: 'workerd', threads: false, run: run_in_workerd },
  {
    name: 'WASI, Node',
    threads: false,
    run: () => wasi_row('this Node', process.versions.node),
  },
  {
    name: 'WASI, newest Node',
    threads: false,
    run: async () => wasi_row('the newest Node', newest_node()),
  },
  {
    name: 'WASI, Wasmtime',
    threads: false,
    run: async () => wasi_row('Wasmtime in Python', wasmtime_version()),
  },
];
