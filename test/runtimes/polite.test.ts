// Long work stays polite: how long a page of Chromium waits for its turn while a model computes and decodes.

import { deflateSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type * as Package from '../../src/host/index.ts';
import { make_png } from '../support/png.ts';
import { launch_chromium } from './chromium.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const dist = fileURLToPath(new URL('../node_modules/align-wasm/dist/', import.meta.url));
const PAGE = 'http://polite.test/';

/** 12 million pixels, all of one colour. */
const LARGE = make_png({ width: 4000, height: 3000, colour: 2, depth: 8, interlaced: false }, [
  deflateSync(Buffer.alloc(3000 * (1 + 4000 * 3))),
]);

let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launch_chromium();
  page = await (await browser.newContext()).newPage();
  const body = `<script type="module">globalThis.align = await import('/dist/bundle/index.js')</script>`;
  await page.route(`${PAGE}**`, (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/') return route.fulfill({ body, contentType: 'text/html' });
    if (pathname === '/large.png') return route.fulfill({ body: Buffer.from(LARGE) });
    return route.fulfill({ path: dist + pathname.replace('/dist/', '') });
  });
  await page.goto(PAGE);
  await page.waitForFunction(() => 'align' in globalThis);
});
afterAll(() => browser.close());

/** The page's longest wait for a turn, in ms, and a sum of the results, for each of the works. */
const waits = (options: { worker?: boolean }, yield_ms: number): Promise<Record<string, [number, number]>> =>
  page.evaluate(
    async ([options, yield_ms]) => {
      const { Align } = (globalThis as unknown as { align: typeof Package }).align;
      const align = await Align.load(undefined, { max_pixels: 2e7, ...options });
      const large = await (await fetch('/large.png')).blob();
      const texts = Array.from({ length: 400 }, (_, i) => `a drawing of number ${i} in words of many pieces`);
      const works = {
        texts: () => align.embed_text(texts, { batch_size: texts.length, yield_ms }),
        picture: async () => [await align.embed_image(large, { yield_ms })],
      };
      const results: Record<string, [number, number]> = {};
      for (const [name, work] of Object.entries(works)) {
        let [last, longest, running] = [performance.now(), 0, true];
        const tick = (): void => {
          const now = performance.now();
          longest = Math.max(longest, now - last);
          last = now;
          if (running) setTimeout(tick);
        };
        tick();
        const rows = await work();
        running = false;
        longest = Math.max(longest, performance.now() - last);
        results[name] = [longest, rows.flatMap((row) => [...row]).reduce((sum, value) => sum + value, 0)];
      }
      align.dispose();
      return results;
    },
    [options, yield_ms] as const,
  );

test('a page waits far less for a model in a worker, and for texts with yield_ms; the bits are the same', async () => {
  const frozen = await waits({}, 0);
  const yielding = await waits({}, 5);
  const worker = await waits({ worker: true }, 0);
  for (const work of ['texts', 'picture']) {
    const [in_one_go, in_turns, elsewhere] = [frozen[work]!, yielding[work]!, worker[work]!];
    const shown = [in_one_go, in_turns, elsewhere].map(([ms]) => ms.toFixed(0));
    console.log(
      `${work}: the page waits ${shown[0]} ms, with yield_ms ${shown[1]}, with worker: true ${shown[2]}`,
    );
    expect(in_turns[1]).toBe(in_one_go[1]);
    expect(elsewhere[1]).toBe(in_one_go[1]);
    expect(elsewhere[0]).toBeLessThan(in_one_go[0] / 2);
  }
  expect(yielding['texts']![0]).toBeLessThan(frozen['texts']![0] / 2);
});
