// The content security policy `script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'`, to the letter: with a bundle of
// one's own and with the package's, in Chromium and Firefox, nothing is refused and nothing is reported.

import { execFile } from 'node:child_process';
import { appendFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { launch_chromium } from '../runtimes/chromium.ts';
import { NEWEST_NODE, program } from '../support/programs.ts';
import { app_folder, build_nothing, build_vite, type Build } from './builds.ts';
import { Site } from './site.ts';
import { violate, visit, type Visit } from './visit.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const BUILDS = [build_vite, build_nothing];

let [app, browser] = ['', null! as Browser];

const folder_of = (build: Build): string => join(app, '../out', build.name);

beforeAll(async () => {
  [app, browser] = [await app_folder(), await launch_chromium()];
  for (const build of BUILDS) {
    await mkdir(folder_of(build), { recursive: true });
    await build(app, folder_of(build));
  }
});

afterAll(async () => {
  await browser.close();
  await rm(dirname(app), { recursive: true });
});

/** Results of pages in Firefox, which this Node is too old to drive. */
async function in_firefox(urls: readonly string[]): Promise<Visit['result'][]> {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const { stdout } = await promisify(execFile)(program(NEWEST_NODE), ['firefox.mjs', ...urls], {
    cwd: folder,
  });
  return JSON.parse(stdout) as Visit['result'][];
}

/**
 * All ran, with so many threads, and equal. What was refused is an inline script alone, which each visit ends with to show
 * that its page would have heard and reported more.
 */
async function expect_clean(
  { answers, violations }: Visit['result'],
  threads: readonly number[],
  site: Site,
): Promise<void> {
  expect(answers.map((answer) => answer.threads)).toEqual(threads);
  expect(new Set(answers.map(({ digest }) => digest)).size).toBe(1);
  expect(violations).toEqual([['script-src-elem inline'], []]);
  await vi.waitFor(() => expect(site.reports).toHaveLength(1), 10_000);
  expect(site.reports[0]).toContain('script-src-elem');
  expect(site.missing).toEqual([]);
}

test.each(BUILDS.map((build) => [build.name, build] as const))('%s in Chromium', async (_, build) => {
  const site = await Site.open(folder_of(build));
  try {
    const { result } = await visit(browser, site.url, violate);
    await expect_clean(result, [1, 2, 1, 2], site);
  } finally {
    site.close();
  }
});

test('both in Firefox', async () => {
  const sites = await Promise.all(BUILDS.map((build) => Site.open(folder_of(build))));
  try {
    const results = await in_firefox(sites.map(({ url }) => url));
    // The last is in a worker of the page's own.
    for (const [i, site] of sites.entries()) await expect_clean(results[i]!, [1, 2, 1, 1], site);
  } finally {
    for (const site of sites) site.close();
  }
});

test("what the package's workers and their threads are refused is reported, too", async () => {
  const scripts = ['browser_worker.js', 'browser_thread.js'];
  const bundle = join(folder_of(build_nothing), 'align-wasm/bundle');
  for (const script of scripts) await appendFile(join(bundle, script), "\ntry { eval('1'); } catch {}\n");
  const site = await Site.open(folder_of(build_nothing));
  try {
    const { result } = await visit(browser, site.url);
    expect(result.violations).toEqual([[], []]);
    await vi.waitFor(() => {
      for (const script of scripts)
        expect(site.reports).toContainEqual(expect.stringContaining(script) as string);
    }, 10_000);
  } finally {
    site.close();
  }
});
