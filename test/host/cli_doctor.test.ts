// align-wasm doctor: what it says here, of what is missing, of what is broken, and in the other runtimes.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { gpus, pictures, platform } from '../../src/host/platform/node.ts';
import { BUN, DENO, NEWEST_NODE, program } from '../support/programs.ts';
import { cli } from './cli.ts';

interface Report {
  ok: boolean;
  version: string;
  runtime: { name: string; version: string; system: string };
  permissions: Record<string, string> | null;
  checks: Record<string, { state: string; text: string; hint: string | null; [fact: string]: unknown }>;
}

const NAMES = ['simd', 'relaxed_simd', 'threads', 'webgpu', 'memory', 'cache', 'pictures', 'module', 'model'];
const folder = mkdtempSync(join(tmpdir(), 'align-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  vi.stubEnv('ALIGN_WASM_CACHE', folder);
  vi.spyOn(gpus, 'gpu').mockResolvedValue(null); // Dawn takes its time
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** The report in this process. */
async function report(status = 0): Promise<Report> {
  const ended = await cli(['doctor', '--json']);
  expect(ended.status).toBe(status);
  return ended.json()[0] as unknown as Report;
}

describe('here', () => {
  test('as JSON', async () => {
    const { ok, version, runtime, permissions, checks } = await report();
    expect([ok, version, permissions]).toEqual([true, '1.2.3', null]);
    expect(runtime).toEqual({
      name: 'Node',
      version: process.versions.node,
      system: `${process.platform} ${process.arch}`,
    });
    expect(Object.keys(checks)).toEqual(NAMES);
    const { abi, expected_abi, bytes } = checks.module!;
    expect(abi).toBe(expected_abi);
    expect(bytes).toBeGreaterThan(50_000);
    expect(checks.model).toMatchObject({ state: 'ok', dtype: 'q8', hint: null });
    expect(checks.model!.answer).toMatch(/^[0-9a-f]{16}$/);
    expect(checks.cache).toMatchObject({ place: join(folder, 'chunks-1'), bytes: 0, writable: true });
    expect(checks.threads).toMatchObject({ shared_memory: true, may_wait: true });
    expect(checks.webgpu).toMatchObject({ state: 'missing', adapter: null, hint: gpus.gpu_hint });
  });

  test('for people: a line a check, and one more for what is to be done', async () => {
    const { status, out } = await cli(['doctor']);
    expect(status).toBe(0);
    expect(out.startsWith(`align-wasm 1.2.3  Node ${process.versions.node}, `)).toBe(true);
    for (const name of NAMES) expect(out).toMatch(new RegExp(`^[✓–] ${name.replace('_', ' ')} +\\S`, 'm'));
    expect(out).toContain(`→ ${gpus.gpu_hint}\n`);
    expect(out.endsWith('\nThe package works here.\n')).toBe(true);
    expect(out).not.toContain('\u001b');
    expect((await cli(['doctor'], { colour: true })).out).toContain('\u001b[32m✓\u001b[39m simd');
  });

  test('takes nothing but --json', async () => {
    expect(await cli(['doctor', 'me'])).toMatchObject({ status: 2, err: /takes no arguments/ });
    expect((await cli(['doctor', '--help'])).out).toContain('Exit status: 0 where the package works');
  });

  test('an interruption ends it', async () => {
    const { status } = await cli(['doctor', '--json'], { signal: AbortSignal.abort() });
    expect(status).toBe(130);
  });
});

describe('what is missing is a note, with its remedy', () => {
  test('shared memory, decoders, a cache that can be written', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    vi.spyOn(pictures, 'webp').mockResolvedValue(null);
    writeFileSync(join(folder, 'file'), '');
    vi.stubEnv('ALIGN_WASM_CACHE', join(folder, 'file'));
    const { ok, checks } = await report();
    expect(ok).toBe(true);
    expect(checks.threads).toMatchObject({ state: 'missing', shared_memory: false, hint: 'use one thread' });
    expect(checks.pictures).toMatchObject({ state: 'missing', text: 'PNG, JPEG', jpeg: true, webp: false });
    expect(checks.pictures!.hint).toContain('npm install @jsquash/webp');
    expect(checks.cache).toMatchObject({ state: 'missing', writable: false });
    expect(checks.cache!.hint).toContain('ALIGN_WASM_CACHE');
  });

  test('a GPU that fails, and a decoder that is not there', async () => {
    const broken = new AlignError('gpu_unavailable', 'Dawn does not load', { hint: 'install it again' });
    vi.spyOn(gpus, 'gpu').mockRejectedValue(broken);
    vi.spyOn(pictures, 'jpeg_wasm').mockRejectedValue(
      new AlignError('not_found', 'no', { hint: 'install it' }),
    );
    const { checks } = await report();
    expect(checks.webgpu).toMatchObject({
      state: 'missing',
      text: 'Dawn does not load',
      hint: 'install it again',
      adapter: null,
      features: [],
    });
    expect(checks.pictures).toMatchObject({ state: 'missing', jpeg: false, hint: 'install it' });
  });
});

describe('what the package cannot do without is a failure', () => {
  test('a module that is not found', async () => {
    const gone = new AlignError('not_found', 'align.wasm cannot be read', { hint: 'npm run build' });
    vi.spyOn(platform, 'wasm').mockRejectedValue(gone);
    const { ok, checks } = await report(1);
    expect(ok).toBe(false);
    for (const name of ['module', 'model'])
      expect(checks[name]).toMatchObject({
        state: 'failed',
        text: 'align.wasm cannot be read',
        hint: 'npm run build',
      });
    expect(checks.module).toMatchObject({ abi: null, bytes: null });
  });

  test('a model that answers otherwise', async () => {
    const real = new URL('../../weights/align-icons/', import.meta.url);
    const other = new URL('../golden/odd/', import.meta.url);
    vi.spyOn(platform, 'embedded_model').mockReturnValue(other);
    const { checks } = await report(1);
    expect(checks.model).toMatchObject({ state: 'failed', dtype: null });
    vi.spyOn(platform, 'embedded_model').mockReturnValue(real);
    expect((await report()).ok).toBe(true);
  });

  test('a runtime without SIMD', async () => {
    vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    const { checks } = await report(1);
    expect(checks.simd).toMatchObject({ state: 'failed', text: 'this runtime has no WebAssembly SIMD' });
  });
});

describe('the installed package', () => {
  const main = fileURLToPath(new URL('../node_modules/align-wasm/dist/cli/main.js', import.meta.url));
  const deno = (...allowed: string[]): [string, string[]] => [
    program(DENO),
    ['run', '--no-prompt', '--no-remote', ...allowed],
  ];
  const ask = (command: string, args: readonly string[]): [Report, number | null] => {
    const env = { ...process.env, ALIGN_WASM_CACHE: folder };
    const { stdout, status } = spawnSync(command, [...args, main, 'doctor', '--json'], {
      encoding: 'utf8',
      env,
    });
    return [JSON.parse(stdout) as Report, status];
  };

  test.each([
    ['this Node', 'Node', () => [process.execPath, []]],
    ['the newest Node', 'Node', () => [program(NEWEST_NODE), []]],
    ['Deno with --allow-read', 'Deno', () => deno('--allow-read')],
    ['Bun', 'Bun', () => [program(BUN), []]],
  ] as [string, string, () => [string, string[]]][])('works in %s', (_, name, runtime) => {
    const [{ ok, runtime: found, checks }, status] = ask(...runtime());
    expect([ok, status, found.name]).toEqual([true, 0, name]);
    expect(Object.keys(checks)).toEqual(NAMES);
    expect(checks.pictures!.text).toBe('PNG, JPEG, WebP');
  });

  test('in Deno without any permission, says which are wanting', () => {
    const [{ ok, permissions, checks }, status] = ask(...deno());
    expect([ok, status]).toEqual([false, 1]);
    expect(permissions).toMatchObject({ read: 'prompt', net: 'prompt' });
    for (const name of ['module', 'model'])
      expect(checks[name]).toMatchObject({
        state: 'failed',
        text: 'denied',
        hint: 'run it with --allow-read',
      });
    expect(checks.memory).toMatchObject({
      state: 'missing',
      text: 'denied',
      hint: 'run it with --allow-sys',
    });
    expect(checks.simd!.state).toBe('ok');
  });
});
