// One small app through every bundler, from the packed package: its page, the package's own worker and threads, a worker of
// its own and threads in that give the digest of Node; from hashed files, under another path than the root, under a strict
// content security policy.

import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { launch_chromium } from '../runtimes/chromium.ts';
import { bundle_worker, start_workers } from '../support/workers.ts';
import * as builds from './builds.ts';
import { Site } from './site.ts';
import { visit, type Answer } from './visit.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let [app, browser] = ['', null! as Browser];
let expected: Answer[];

async function node(script: string): Promise<Answer[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...builds.pictures_of(app)]);
  return JSON.parse(stdout) as Answer[];
}

/** Builds the app into an empty folder that has no packages above it. */
async function built(build: builds.Build): Promise<string> {
  const out = join(app, '../out', build.name);
  await mkdir(out, { recursive: true });
  await build(app, out);
  return out;
}

beforeAll(async () => {
  [app, browser] = [await builds.app_folder(), await launch_chromium()];
  expected = await node(join(app, 'node.js'));
});

afterAll(async () => {
  await browser.close();
  await rm(dirname(app), { recursive: true });
});

test('Node computes the digest with one thread and with two', () => {
  expect(expected.map(({ threads }) => threads)).toEqual([1, 2]);
  expect(expected[0]!.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(expected[1]!.digest).toBe(expected[0]!.digest);
});

/** Opens what a site or server gives: all answers are there, computed by as many threads as they should. */
async function check(url: string): Promise<void> {
  const { result, requests, complaints } = await visit(browser, url);
  const [{ digest }] = expected as [Answer, Answer];
  expect(result).toEqual({
    answers: [1, 2, 1, 2].map((threads) => ({ threads, digest })),
    violations: [[], []],
  });
  expect(complaints).toEqual([]);
  expect(requests.filter((request) => !request.startsWith(url))).toEqual([]);
}

const HASHED = ['Vite', 'webpack', 'Rollup'];

test.each([
  ['Vite', builds.build_vite],
  ['webpack', builds.build_webpack],
  ['Rollup', builds.build_rollup],
  ['esbuild', builds.build_esbuild],
  ['bun build', builds.build_bun],
])('%s', async (name, build) => {
  const out = await built(build);
  const names = (await readdir(out, { recursive: true })).map((path) => basename(path));
  const data = names.filter((file) => /\.(wasm|bin)$/.test(file));
  expect(data.length).toBeGreaterThanOrEqual(6);
  if (HASHED.includes(name)) for (const file of data) expect(file).toMatch(/[-\w]{8,}\.(wasm|bin)$/);
  const site = await Site.open(out);
  try {
    await check(site.url);
    expect(site.missing).toEqual([]);
    expect(site.reports).toEqual([]);
  } finally {
    site.close();
  }
});

test("Vite's server for developing", async () => {
  const server = await builds.serve_vite(app);
  try {
    await check(server.resolvedUrls!.local[0]!);
  } finally {
    await server.close();
  }
});

test('esbuild for Node, in one file far from any package', async () => {
  expect(await node(join(await built(builds.build_node), 'bundle/node.js'))).toEqual(expected);
});

test('wrangler, with its default flags', async () => {
  const out = join(app, '../out/wrangler');
  const worker = await bundle_worker('bundled', join(app, 'wrangler.jsonc'), out);
  const workers = await start_workers([worker], () => undefined);
  try {
    const form = new FormData();
    for (const path of builds.pictures_of(app)) form.append('picture', new Blob([await readFile(path)]));
    const url = await workers.unsafeGetDirectURL('bundled');
    const response = await fetch(url, { method: 'POST', body: form });
    expect(await response.json()).toEqual(expected[0]);
  } finally {
    await workers.dispose();
  }
});
