// Workers of browsers: who starts them, and what is heard when one does not start or ends.

import { describe, expect, test, vi } from 'vitest';
import { run_in_chromium, with_page } from './chromium.ts';
import { run_in_firefox } from './processes.ts';

// Seconds where nothing else runs; starting a browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 });

describe('30 models in workers of their own and 30 in one worker load beside a busy page in', () => {
  const page = '/isolated/test/runtimes/workers.html';
  const blob = new Uint8Array();

  test('Chromium', async () => {
    const worker = { threads: [2], models: 'loaded' };
    expect(await run_in_chromium(page, blob)).toEqual({ page: [2], worker });
  });

  test('Firefox, whose workers are not trusted to start others', async () => {
    const worker = { threads: [1], models: 'invalid_argument' };
    expect(await run_in_firefox(page, blob)).toEqual({ page: [2], worker });
  });
});

/** Runs a script that has `Align` and `started`, the page's workers by their scripts' names, in an isolated page. */
function in_page(script: string, { missing = '-' } = {}): Promise<unknown> {
  return with_page(new Uint8Array(), async (page, url) => {
    await page.route(`**/${missing}`, (route) => route.fulfill({ status: 404 }));
    await page.goto(`${url}/isolated/test/runtimes/sha256.mjs`); // any file: the headers count
    return page.evaluate(`(async () => {
      const started = [];
      globalThis.Worker = class extends Worker {
        constructor(url, options) {
          super(url, options);
          started.push([new URL(url).pathname.split('/').at(-1), this]);
        }
      };
      const { Align } = await import('/isolated/test/node_modules/align-wasm/dist/bundle/index.js');
      ${script}
    })()`);
  });
}

const LOAD = '{ worker: true, threads: 2 }';

test("a thread of a model's worker whose script is not there is worker_lost", async () => {
  const script = `return Align.load(undefined, ${LOAD}).then(() => 'loaded', ({ code, message }) => [code, message]);`;
  expect(await in_page(script, { missing: 'browser_thread.js' })).toEqual([
    'worker_lost',
    expect.stringContaining('its script does not load') as string,
  ]);
});

test("in place of a thread of a model's worker that is gone another is started", async () => {
  const script = `
    const align = await Align.load(undefined, ${LOAD});
    const texts = Array.from({ length: 1000 }, (_, i) => 'a red car ' + i);
    const embed = () => align.embed_text(texts).then(({ length }) => length, ({ code }) => code);
    const names = () => started.map(([name]) => name);
    const called = embed();
    const [, thread] = started.find(([name]) => name === 'browser_thread.js');
    thread.terminate();
    thread.onerror({ message: 'gone' });
    const outcomes = [await called, await embed()];
    align.dispose();
    return [names(), outcomes];`;
  expect(await in_page(script)).toEqual([
    ['browser_worker.js', 'browser_thread.js', 'browser_thread.js'],
    // Whether the first call had begun.
    [expect.toBeOneOf(['worker_lost', 1000]) as unknown, 1000],
  ]);
});
