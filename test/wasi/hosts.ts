// The hosts that run the installed align-wasm.wasi.wasm: this Node, the newest, and Wasmtime in Python.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NEWEST_NODE, program } from '../support/programs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export const WASM: string = `${root}test/node_modules/align-wasm/dist/align-wasm.wasi.wasm`;

/** One command line; `stdin` is a file's path. */
export interface Run {
  readonly args: readonly string[];
  readonly stdin?: string;
}

/** What came of it; a status that is a text is a trap. */
export interface Ended {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder that the module sees as ".". */
export function new_folder(): string {
  return mkdtempSync(join(tmpdir(), 'align-wasi-'));
}

/** Python with Wasmtime. @throws Error where it is not installed: a failure, not a skipped test */
export function python(): string {
  const path = process.env['WASMTIME_PYTHON'] ?? `${root}.cache/wasmtime/bin/python`;
  if (!existsSync(path))
    throw new Error(
      `${path} is missing: npm test installs it, or set WASMTIME_PYTHON to a Python with wasmtime`,
    );
  return path;
}

// Node 20 crashes when several WASI modules run in one process, unless V8 leaves its fast calls out.
const NODE_ARGS = ['--no-warnings', '--no-turbo-fast-api-calls', 'host.mjs'];

export const HOSTS: Readonly<Record<string, () => [command: string, ...args: string[]]>> = {
  'this Node': () => [process.execPath, ...NODE_ARGS],
  'the newest Node': () => [program(NEWEST_NODE), ...NODE_ARGS],
  'Wasmtime in Python': () => [python(), 'host.py'],
};

/** Runs command lines in a host, one after another. */
export function run_in(host: string, folder: string, runs: readonly Run[]): Ended[] {
  const [command, ...args] = HOSTS[host]!();
  const { stdout, stderr, status, signal, error } = spawnSync(command, args, {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    input: JSON.stringify({ wasm: WASM, folder, runs }),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (error) throw error;
  if (stdout === '') throw new Error(`${host} gave nothing (${String(signal ?? status)}): ${stderr}`);
  return JSON.parse(stdout) as Ended[];
}

/** The JSON objects that a run printed, a line each. @throws Error with what it said where it failed */
export function objects<T>({ status, stdout, stderr }: Ended): T[] {
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
