// The digests of check.mjs are the same in every runtime; those of embeddings are in matrix.test.ts. One that is missing is a failure: npm test installs them
// (scripts/setup.mjs).

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { BUN, DENO, NEWEST_NODE, program } from '../support/programs.ts';
import { bundle_worker, start_workers } from '../support/workers.ts';
import { run_in_chromium } from './chromium.ts';
import { bitmap_blob, files_blob } from './inputs.ts';
import { run_process } from './processes.ts';

// Seconds where nothing else runs; starting a browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** (func (drop (i8x16.relaxed_swizzle …))): valid only where there is relaxed SIMD. */
const RELAXED_FUNCTION = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253,
  15, 253, 128, 2, 26, 11,
];

type Digests = Readonly<Record<string, string>>;

/** What thread_digests gives. */
interface ThreadDigests {
  readonly threads: number;
  readonly digests: Digests;
}

/** What bitmap.html finds. */
interface Bitmaps {
  /**
   * For each kind of canvas: how many pictures are opaque, which of them differ, and the largest difference of the others
   * on a white ground and with alpha dropped.
   */
  readonly canvases: Readonly<
    Record<string, { opaque: number; different: string[]; on_white: number; dropped: number }>
  >;
  /** Codes of errors. */
  readonly errors: Readonly<Record<string, string>>;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const blob = files_blob(true);
let expected: Digests;

/** Runs a script of this folder with the blob on its standard input. */
function run<T = Digests>(command: string, args: readonly string[], input = blob): Promise<T> {
  return run_process<T>(command, args, input);
}

beforeAll(async () => {
  expected = await run(process.execPath, ['host.mjs']);
});

test('there is a digest of everything', () => {
  const names = Object.keys(expected);
  console.log(`${names.length} digests`);
  for (const name of [
    '240 PNGs',
    '300 combinations of flags',
    '420 sizes and filters',
    'scores',
    '190 of 257 JPEG files',
    '74 of 80 WebP files',
    'packed/q4.safetensors',
  ])
    expect(names).toContain(name);
  expect(names.filter((name) => name.startsWith('ids of 20000 texts'))).toHaveLength(4);
  expect(names.filter((name) => name.startsWith('test/golden/act-'))).toHaveLength(22);
  expect(new Set(Object.values(expected)).size).toBeGreaterThan(names.length / 2);
});

test('this Node finds module and model by itself', async () => {
  expect(await run(process.execPath, ['host.mjs', 'wasm', 'model'])).toEqual(expected);
});

test('the newest Node', async () => {
  const node = program(NEWEST_NODE);
  expect(await run(node, ['host.mjs', 'wasm', 'model'])).toEqual(expected);
});

test('Deno without any permission, which leaves out the decoders of JPEG and WebP', async () => {
  const deno = program(DENO);
  const actual = await run(deno, ['run', '--no-prompt', '--no-remote', 'host.mjs'], files_blob(false));
  const names = Object.keys(expected).filter((name) => !/JPEG|WebP/.test(name));
  expect(Object.keys(actual)).toEqual(names);
  expect(expected).toMatchObject(actual);
});

test('Deno with --allow-read finds module and model by itself', async () => {
  const deno = program(DENO);
  const args = ['run', '--no-prompt', '--no-remote', '--allow-read', 'host.mjs', 'wasm', 'model'];
  expect(await run(deno, args)).toEqual(expected);
});

test('Bun', async () => {
  const bun = program(BUN);
  expect(await run(bun, ['host.mjs', 'wasm', 'model'])).toEqual(expected);
});

test('workerd, as wrangler bundles it; the model must be imported there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'align-workerd-'));
  const worker = await bundle_worker('digests', `${here}workerd/wrangler.jsonc`, folder);
  const workers = await start_workers([worker], () => undefined);
  try {
    const url = await workers.unsafeGetDirectURL('digests');
    const response = await fetch(url, { method: 'POST', body: new Uint8Array(blob) });
    expect(await response.json()).toEqual(expected);
    expect(await (await fetch(url)).json()).toEqual({
      code: 'model_required',
      hint: expect.stringContaining("import icons from 'align-wasm/align-icons'") as string,
    });
  } finally {
    await workers.dispose();
    await rm(folder, { recursive: true });
  }
});

test('Chromium', async () => {
  expect(await run_in_chromium('/test/runtimes/page.html', blob)).toEqual(expected);
});

test('in Chromium, an ImageBitmap or ImageData of an opaque PNG has the samples of its bytes', async () => {
  const { canvases, errors } = (await run_in_chromium(
    '/test/runtimes/bitmap.html',
    bitmap_blob(),
  )) as Bitmaps;
  expect(Object.keys(canvases)).toEqual(['OffscreenCanvas', 'canvas element']);
  for (const { opaque, different, on_white, dropped } of Object.values(canvases)) {
    expect(opaque).toBeGreaterThanOrEqual(14);
    expect(different).toEqual([]);
    // Others went through a multiplication with alpha: what it loses shows where alpha is dropped.
    expect(on_white).toBeLessThanOrEqual(1);
    expect(dropped).toBe(255);
  }
  expect(errors).toEqual({
    'too large': 'too_large',
    aborted: 'aborted',
    closed: 'invalid_argument',
    'no canvas': 'unsupported_image',
  });
});

/** The digests of every model by `threads` threads are those of one. */
function expect_threads({ threads, digests }: ThreadDigests, wanted: number): void {
  expect(threads).toBe(wanted);
  expect(Object.keys(digests)).toContain('scores');
  expect(Object.keys(digests).filter((name) => name.startsWith('test/golden/act-'))).toHaveLength(22);
  expect(expected).toMatchObject(digests);
}

describe('Two threads give the digests of one, and do not hold the process back, in', () => {
  const models = files_blob(false);
  test.each([
    ['this Node', () => process.execPath, []],
    ['the newest Node', () => program(NEWEST_NODE), []],
    ['Deno', () => program(DENO), ['run', '--no-prompt', '--no-remote', '--allow-read']],
    ['Bun', () => program(BUN), []],
  ])('%s', async (_, command, args) => {
    expect_threads(await run<ThreadDigests>(command(), [...args, 'threads.mjs'], models), 2);
  });
});

test('Chromium: two threads in a worker of an isolated page, one elsewhere, the same digests', async () => {
  const models = files_blob(false);
  const page = '/test/runtimes/threads.html';
  type Found = { isolated: boolean; main: ThreadDigests; worker: ThreadDigests };
  const isolated = (await run_in_chromium(`/isolated${page}`, models)) as Found;
  expect(isolated.isolated).toBe(true);
  expect_threads(isolated.main, 1);
  expect_threads(isolated.worker, 2);
  const open = (await run_in_chromium(`/plain${page}`, models)) as Found;
  expect(open.isolated).toBe(false);
  expect_threads(open.main, 1);
  expect_threads(open.worker, 1);
});

test("precision: 'fast' stays within 1e-4 in the newest Node, and is the exact build in a Node without relaxed SIMD", async () => {
  const node = program(NEWEST_NODE);
  const fast = await run(node, ['fast.mjs'], Buffer.alloc(0));
  expect(fast.precision).toBe('fast');
  expect(Number(fast.error)).toBeGreaterThan(0);
  expect(Number(fast.error)).toBeLessThanOrEqual(1e-4);
  const relaxed = WebAssembly.validate(new Uint8Array(RELAXED_FUNCTION));
  const here_fast = await run(process.execPath, ['fast.mjs'], Buffer.alloc(0));
  if (relaxed) expect(here_fast.precision).toBe('fast');
  else expect(here_fast).toEqual({ precision: 'exact', error: '0' });
});
