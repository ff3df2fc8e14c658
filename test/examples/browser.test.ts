// examples/browser in Chromium: what a visitor does with it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { serve } from '../../examples/serve.mjs';
import { Align } from '../../src/host/index.ts';
import { find_chromium, launch_chromium } from '../runtimes/chromium.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const root = fileURLToPath(new URL('../../', import.meta.url));
const served = await serve();
const address = served.pages.browser;
const sample = (name: string) => readFile(join(root, `examples/pictures/${name}.png`));
let [browser, page, model] = [null! as Browser, null! as Page, null! as Align];
/** What the browser complained of: errors, warnings, policy violations, addresses that it should not ask for. */
const complaints: string[] = [];

beforeAll(async () => {
  browser = await launch_chromium();
  model = await Align.load();
});

beforeEach(async () => {
  page = await open_page(browser);
});

afterEach(async () => {
  await page.close();
  expect(complaints.splice(0)).toEqual([]);
});

afterAll(async () => {
  model.dispose();
  await browser.close();
  served.server.close();
});

async function open_page(where: Browser): Promise<Page> {
  const opened = await where.newPage({ viewport: { width: 1100, height: 780 } });
  opened.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  opened.on('pageerror', ({ message }) => complaints.push(message));
  opened.on('request', (request) => {
    if (!request.url().startsWith('blob:') && new URL(request.url()).origin !== new URL(address).origin)
      complaints.push(request.url());
  });
  opened.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  await opened.addInitScript(record);
  await opened.goto(address);
  return opened;
}

/** Notes in the page every state of the progress bar, and how far things jumped by themselves. */
function record(): void {
  const seen = { progress: [] as string[], shift: 0 };
  Object.assign(globalThis, { seen });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) seen.shift += (entry as unknown as { value: number }).value;
  }).observe({ type: 'layout-shift', buffered: true });
  new MutationObserver((changes) => {
    for (const { target } of changes)
      if (target instanceof HTMLProgressElement && !target.hidden)
        seen.progress.push(`${target.value}/${target.max}`);
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ['value', 'max'] });
}

const seen = () =>
  page.evaluate(() => (globalThis as unknown as { seen: { progress: string[]; shift: number } }).seen);
const status = (text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();
const texts = (part: string) => page.locator(`#scores ${part}`).allTextContents();
const shown_name = (name: string) => page.locator('#name').filter({ hasText: name }).waitFor();

/** Drops a file on the page. */
async function drop(name: string, bytes: Uint8Array | string, type = ''): Promise<void> {
  const text = Buffer.from(bytes).toString('base64');
  const transfer = await page.evaluateHandle(
    ([text, name, type]) => {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name, { type }));
      return transfer;
    },
    [text, name, type] as const,
  );
  for (const kind of ['dragenter', 'dragover', 'drop'])
    await page.dispatchEvent('main', kind, { dataTransfer: transfer });
}

/** Labels and shares of the package in Node, as the page shows them. */
async function expected(picture: Uint8Array, labels: string[]): Promise<[string[], string[]]> {
  const scores = await model.classify(picture, labels);
  return [scores.map(({ label }) => label), scores.map(({ score }) => `${(100 * score).toFixed(1)} %`)];
}

test('it loads with progress, and a sample is scored as in Node', async () => {
  const labels = (await page.locator('#labels').inputValue()).split(',').map((label) => label.trim());
  await status('fits best');
  expect([await texts('.label'), await texts('.score')]).toEqual(
    await expected(await sample('sailboat'), labels),
  );
  const { progress, shift } = await seen();
  const size = (await readFile(join(root, 'dist/align-icons.bin'))).length;
  const steps = progress.map((step) => step.split('/').map(Number)).filter(([, total]) => total !== 100);
  expect(new Set(steps.map(([, total]) => total)).size).toBe(1);
  expect(steps.at(-1)![0]).toBe(steps.at(-1)![1]);
  expect(steps.at(-1)![1]! / size).toBeGreaterThan(0.9); // the header is not counted
  expect(steps.at(-1)![1]! / size).toBeLessThanOrEqual(1);
  expect(shift).toBe(0);
});

test('pictures are dropped, labels typed: the bars have the order of classify in Node', async () => {
  await status('fits best');
  const labels = ['dog', 'cat', 'the moon', 'dog house', 'café'];
  await page.locator('#labels').fill(` dog, cat\nthe moon,, dog house, café, dog`);
  const rotated = await readFile(join(root, 'test/runtimes/photos/rotated.jpg'));
  for (const [name, bytes] of [
    ['dog.png', await sample('dog')],
    ['rotated.jpg', rotated],
  ] as const) {
    await drop(name, bytes);
    await shown_name(name);
    expect([await texts('.label'), await texts('.score')]).toEqual(await expected(bytes, labels));
  }
  await page.waitForFunction(() =>
    document.getAnimations().every((animation) => animation.playState === 'finished'),
  );
  const wide = await page
    .locator('.bar')
    .evaluateAll((bars) => bars.map((bar) => Number(getComputedStyle(bar).getPropertyValue('--share'))));
  expect(wide).toEqual([...wide].sort((a, b) => b - a));
  await page.locator('#labels').fill('');
  await status('Type a label.');
  expect(await texts('.label')).toEqual([]);
});

test('what cannot be read is said in a sentence, and the picture before it stays', async () => {
  await status('fits best');
  const bars = await texts('.score');
  const png = await sample('dog');
  await drop('cut.png', png.subarray(0, 2000));
  await status('“cut.png” is damaged: a part of the file is missing or wrong.');
  await drop('notes.txt', 'no picture', 'text/plain');
  await status('“notes.txt” is not a picture that can be read here.');
  const huge = Buffer.from(png);
  huge.writeUInt32BE(60_000, 16); // its width, and its height
  huge.writeUInt32BE(50_000, 20);
  huge.writeInt32BE(crc32(huge.subarray(12, 29)), 29);
  await drop('huge.png', huge);
  await status('“huge.png” is too large: 60000 × 50000 pixels.');
  expect(await texts('.score')).toEqual(bars);
  expect(await page.getByAltText('sailboat.png').count()).toBe(1);
  await drop(
    'moon.svg',
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M12 3a6 6 0 0 0 9 9 9 9 0 1 1-9-9"/></svg>',
    'image/svg+xml',
  );
  await shown_name('moon.svg');
});

test('by keyboard alone', async () => {
  await status('fits best');
  const focused = () =>
    page.evaluate(() => document.activeElement!.id || (document.activeElement as HTMLInputElement).value);
  const path: string[] = [];
  for (let i = 0; i < 3; i++) {
    await page.keyboard.press('Tab');
    path.push(await focused());
  }
  expect(path).toEqual(['pick', 'sailboat', 'labels']);
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('ArrowRight');
  await shown_name('airplane.png');
  expect(await focused()).toBe('airplane');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('airplane, potato');
  await page.locator('#scores li').nth(1).waitFor();
  await page.locator('#scores li').nth(2).waitFor({ state: 'detached' });
  expect([await texts('.label'), await texts('.score')]).toEqual(
    await expected(await sample('airplane'), ['airplane', 'potato']),
  );
  const chooser = page.waitForEvent('filechooser');
  await page.locator('#pick').focus();
  await page.keyboard.press('Enter');
  await (await chooser).setFiles(join(root, 'examples/pictures/fish.png'));
  await shown_name('fish.png');
});

test('without a GPU the switch says why; with one it is used; one that fails is left', async () => {
  await page.getByText('it finds no GPU that it can use').waitFor();
  expect(await page.getByRole('switch').isDisabled()).toBe(true);
  const labels = ['bus', 'bicycle', 'pizza', 'trophy'];
  const args = ['--no-sandbox', '--enable-unsafe-webgpu'];
  const other = await chromium.launch({ executablePath: find_chromium(), args });
  try {
    await page.close();
    page = await open_page(other);
    await page.getByText('a GPU in software').waitFor();
    await page.locator('#labels').fill(labels.join());
    await page.getByRole('switch', { name: 'Compute on the GPU' }).check();
    await status('on the GPU.');
    await page.getByRole('radio', { name: 'bus' }).check();
    await shown_name('bus.png');
    expect(await texts('.label')).toEqual((await expected(await sample('bus'), labels))[0]);

    await page.close();
    page = await other.newPage();
    await page.route('**/worker.js', async (route) => {
      // An adapter that is there for the question, and gives no device.
      const broken = "GPUAdapter.prototype.requestDevice = () => Promise.reject(new Error('no device'));\n";
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()) + broken });
    });
    await page.goto(address);
    await page.getByText('a GPU in software').waitFor();
    await page.getByRole('switch').check();
    await page.getByText('The GPU failed, so the CPU computes again.').waitFor();
    await status('on the CPU.');
    expect(await page.getByRole('switch').isChecked()).toBe(false);
  } finally {
    await other.close();
  }
});

test('it fits a phone, light and dark', async () => {
  await status('fits best');
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  }
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  expect(await ground()).toBe('rgb(246, 246, 244)');
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await ground()).toBe('rgb(22, 23, 26)');
});

/** The checksum of a PNG's chunk, as a signed number. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc;
}
