// A model from a server in Chromium, with its Cache API: fetched once, then from the cache, also when the server is gone.

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type * as Package from '../../src/host/index.ts';
import { hostile_server, type HostileServer } from '../support/hostile_server.ts';
import { launch_chromium } from './chromium.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const dist = fileURLToPath(new URL('../node_modules/align-wasm/dist/', import.meta.url));
const model = fileURLToPath(new URL('../../weights/checkpoint/', import.meta.url));
const TOKEN = 'hf_of_the_test';

let server: HostileServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  const files = readdirSync(model).map((name) => [
    `/me/icons/resolve/main/${name}`,
    readFileSync(model + name),
  ]);
  server = await hostile_server(Object.fromEntries(files) as Record<string, Uint8Array>);
  browser = await launch_chromium();
  page = await (await browser.newContext()).newPage();
  // The package's own files come from beside the test; everything else is asked of the server.
  const body = `<script type="module">globalThis.align = await import('/dist/bundle/index.js')</script>`;
  await page.route('**/page.html', (route) => route.fulfill({ body, contentType: 'text/html' }));
  await page.route('**/dist/**', (route) =>
    route.fulfill({ path: dist + new URL(route.request().url()).pathname.replace('/dist/', '') }),
  );
  await page.goto(`${server.url}/page.html`);
  await page.waitForFunction(() => 'align' in globalThis);
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

interface Found {
  error?: string;
  embedding?: number[];
  totals?: number[];
}

/** Loads the model in the page and embeds a text; or the code of its error. */
const load = (options: object): Promise<Found> =>
  page.evaluate(async (given) => {
    const { Align } = (globalThis as unknown as { align: typeof Package }).align;
    const totals: number[] = [];
    const progress_callback = (info: Package.ProgressInfo): void => {
      if (info.status === 'progress_total') totals.push(info.loaded / info.total);
    };
    try {
      const align = await Align.load('me/icons', { host: location.origin, progress_callback, ...given });
      const embedding = [...(await align.embed_text('a sailboat'))];
      align.dispose();
      return { embedding, totals };
    } catch (error) {
      return { error: (error as Package.AlignError).code };
    }
  }, options);

test('a hub id: in ranges, with the token, progress up to the whole, then from the Cache API', async () => {
  const first = await load({ token: TOKEN });
  expect(first.error).toBeUndefined();
  expect(first.totals!.at(-1)).toBe(1);
  expect(first.totals).toEqual([...first.totals!].sort((a, b) => a - b));
  expect(server.asked.some(({ headers }) => headers.range !== undefined)).toBe(true);
  const weights = server.asked.filter(({ path }) => path.endsWith('.safetensors'));
  expect(weights.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(true);

  // Again: at most whether it is still the same is asked.
  server.asked.length = 0;
  expect((await load({ token: TOKEN })).embedding).toEqual(first.embedding);
  expect(server.asked.filter(({ path }) => path.endsWith('model.safetensors')).length).toBeLessThanOrEqual(1);

  server.asked.length = 0;
  expect((await load({ token: TOKEN, local_files_only: true })).embedding).toEqual(first.embedding);
  expect(server.asked).toEqual([]);

  await page.route('**/me/icons/**', (route) => route.abort('connectionrefused'));
  expect((await load({ token: TOKEN })).embedding).toEqual(first.embedding);

  await page.evaluate(async () => {
    await (globalThis as unknown as { align: typeof Package }).align.clear_cache();
  });
  expect((await load({ token: TOKEN, local_files_only: true })).error).toBe('not_found');
  await page.unroute('**/me/icons/**');
  expect((await load({ token: TOKEN, cache: false })).embedding).toEqual(first.embedding);
  expect(await page.evaluate(async () => (await (await caches.open('align-wasm')).keys()).length)).toBe(0);
});
