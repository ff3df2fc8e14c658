// examples/browser-search in Chromium: what a visitor does with it.

import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { serve } from '../../examples/serve.mjs';
import { Align, AlignIndex } from '../../src/host/index.ts';
import { launch_chromium } from '../runtimes/chromium.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = fileURLToPath(new URL('../../', import.meta.url));
const served = await serve();
const address = served.pages['browser-search'];
let [browser, context, model] = [null! as Browser, null! as BrowserContext, null! as Align];
let page: Page;
/** What the browser complained of: errors, warnings, policy violations, addresses that it should not ask for. */
const complaints: string[] = [];

const files = new Map<string, Buffer>();

beforeAll(async () => {
  for (const name of (await readdir(join(root, 'examples/pictures'))).sort())
    if (name.endsWith('.png')) files.set(name, await readFile(join(root, 'examples/pictures', name)));
  files.set('rotated.jpg', await readFile(join(root, 'test/runtimes/photos/rotated.jpg')));
  browser = await launch_chromium();
  model = await Align.load();
});

beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1100, height: 780 } });
  page = await open_page();
});

afterEach(async () => {
  await context.close();
  expect(complaints.splice(0)).toEqual([]);
});

afterAll(async () => {
  model.dispose();
  await browser.close();
  served.server.close();
});

async function open_page(): Promise<Page> {
  const opened = await context.newPage();
  opened.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  opened.on('pageerror', ({ message }) => complaints.push(message));
  opened.on('request', (request) => {
    if (!/^blob:/.test(request.url()) && new URL(request.url()).origin !== new URL(address).origin)
      complaints.push(request.url());
  });
  opened.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  await opened.goto(address);
  return opened;
}

/** Drops files on the page. */
async function drop(dropped: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const encoded = Array.from(
    dropped,
    ([name, bytes]) => [name, Buffer.from(bytes).toString('base64')] as const,
  );
  await page.evaluate((all) => {
    const transfer = new DataTransfer();
    for (const [name, text] of all) {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const type = name.endsWith('.txt') ? 'text/plain' : 'image/*';
      transfer.items.add(new File([bytes], name, { type }));
    }
    for (const kind of ['dragenter', 'dragover', 'drop'])
      document.body.dispatchEvent(
        new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }),
      );
  }, encoded);
}

const names = () => page.locator('#results .name').allTextContents();
const scores = () => page.locator('#results .score').allTextContents();
const status = (text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();

/** Waits for the thumbnails; gives their widths. */
function drawn(): Promise<number[]> {
  return page
    .locator('#results img')
    .evaluateAll((images: HTMLImageElement[]) =>
      Promise.all(images.map((image) => image.decode().then(() => image.naturalWidth))),
    );
}

/** Types a query and waits for its results. */
async function search(text: string): Promise<void> {
  await page.getByRole('searchbox', { name: 'Search words' }).fill(text);
  await status(`“${text}”`);
}

/** The page's results in Node: names and scores as shown. */
async function expected(query: Float32Array, without = ''): Promise<[string[], string[]]> {
  using index = await AlignIndex.create({ dimensions: query.length });
  for (const [name, bytes] of files) if (name !== without) index.add(name, await model.embed_image(bytes));
  const found = index.search(query, files.size);
  return [found.map(({ id }) => String(id)), found.map(({ score }) => score.toFixed(2))];
}

test('pictures are dropped, found, kept over a reload, removed', async () => {
  await page.getByText('No pictures yet').waitFor();
  const dropped = new Map<string, Uint8Array>(files);
  dropped.set('twice.png', files.get('dog.png')!);
  dropped.set('cut.png', files.get('dog.png')!.subarray(0, 2000));
  dropped.set('notes.txt', Buffer.from('no picture'));
  await drop(dropped);
  await status('15 pictures added, 1 already here, 2 could not be read. 15 pictures, the latest first.');
  expect(await names()).toEqual([...files.keys()].reverse());
  expect(await page.locator('#failures li').allTextContents()).toEqual([
    expect.stringMatching(/^cut\.png: The PNG is damaged/),
    'notes.txt: the browser cannot read this kind of file',
  ]);

  for (let visit = 0; visit < 2; visit++) {
    for (const text of ['a sailboat', 'food']) {
      await search(text);
      expect([await names(), await scores()]).toEqual(await expected(await model.embed_text(text)));
    }
    await page.reload();
    await status('15 pictures, the latest first.');
    expect(await names()).toEqual([...files.keys()].reverse());
  }
  const sizes = await drawn();
  expect(sizes.every((width) => width > 0 && width <= 240)).toBe(true);

  await page.getByRole('button', { name: 'Remove pizza.png' }).click();
  await status('pizza.png removed. 14 pictures');
  const focused = await page.evaluate(() => document.activeElement!.textContent);
  expect(focused).toBe('Remove mushroom.png'); // the next one
  await page.reload();
  await status('14 pictures, the latest first.');
  await search('pizza');
  const query = await model.embed_text('pizza');
  expect([await names(), await scores()]).toEqual(await expected(query, 'pizza.png'));

  page.once('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Remove all' }).click();
  await page.getByText('No pictures yet').waitFor();
  await page.reload();
  await page.getByText('No pictures yet').waitFor();
});

test('queries by a picture, with words, by keyboard; of fast typing the last counts', async () => {
  await page.getByRole('button', { name: 'Add the example pictures' }).click();
  await status('14 pictures added');
  const [bus, words] = [await model.embed_image(files.get('bus.png')!), await model.embed_text('food')];

  await page.getByRole('button', { name: 'Similar bus.png' }).focus();
  await page.keyboard.press('Enter');
  await status('those that fit the picture best first');
  const own = (all: [string[], string[]]) => [all[0], all[1]].map((list) => list.slice(0, 5));
  expect([await names(), await scores()].map((list) => list.slice(0, 5))).toEqual(
    own(await expected(bus, 'rotated.jpg')),
  );
  await page.keyboard.type('food', { delay: 5 }); // the focus is in the field
  await status('those that fit “food” and the picture best first');
  const mixed = await model.mix([{ embedding: words }, { embedding: bus }]);
  expect(await names()).toEqual((await expected(mixed, 'rotated.jpg'))[0]);
  await page.getByRole('button', { name: 'like this' }).click();
  await status('those that fit “food” best first');
  expect(await names()).toEqual((await expected(words, 'rotated.jpg'))[0]);

  await page.locator('#query').fill('');
  await page.locator('#picture').setInputFiles([]);
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Search by a picture' }).click();
  await (await chooser).setFiles(join(root, 'examples/pictures/fish.png'));
  await status('those that fit the picture best first');
  expect((await names())[0]).toBe('fish.png');
  expect((await scores())[0]).toBe('1.00');
});

test('pictures can be searched while others come in', async () => {
  await page.getByText('No pictures yet').waitFor();
  const many = Array.from({ length: 15 }, (_, i) =>
    [...files]
      .filter(([name]) => name.endsWith('.png'))
      .map(([name, bytes]) => {
        // A byte behind the end makes it another file with the same picture.
        return [`${i} ${name}`, Buffer.concat([bytes, Buffer.of(i)])] as const;
      }),
  );
  await drop(new Map(many.flat()));
  await status(/^Looking at pictures: \d+ of 210$/);
  await page.getByRole('searchbox').fill('a sailboat');
  await page.waitForFunction(() => {
    const best = document.querySelector('#results li');
    const more = !document.querySelector<HTMLElement>('#progress')!.hidden;
    return more && /sailboat\.png0\.\d/.test(best?.textContent ?? '');
  });
  await status('210 pictures added. 210 pictures, those that fit “a sailboat” best first.');
  expect((await names()).slice(0, 15).every((name) => name.endsWith('sailboat.png'))).toBe(true);
  expect(await names()).toHaveLength(60);
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.locator('#results li').nth(119).waitFor();
});

test('a folder is dropped with the pictures in it', async () => {
  await page.getByText('No pictures yet').waitFor();
  const devtools = await context.newCDPSession(page);
  const dropped = ['examples/pictures', 'test/runtimes/photos', 'examples/pictures/dog.png'];
  const data = { items: [], files: dropped.map((path) => join(root, path)), dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await devtools.send('Input.dispatchDragEvent', { type, x: 500, y: 500, data });
    const hint = page.getByText('Drop pictures and folders');
    expect(await hint.isVisible()).toBe(type !== 'drop');
  }
  await status('19 pictures added, 1 already here. 19 pictures');
});

test('a second tab waits until the first is closed', async () => {
  await page.getByRole('button', { name: 'Add the example pictures' }).click();
  await status('14 pictures added');
  const first = page;
  page = await open_page();
  await status('open in another tab');
  await first.close();
  await status('14 pictures, the latest first.');
});

test('it fits a phone, and looks as in its README', async () => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.getByRole('button', { name: 'Add the example pictures' }).click();
  await status('14 pictures added');
  await search('a sailboat');
  await drawn();
  await mkdir(join(root, '.cache'), { recursive: true });
  const picture = await page.screenshot({ path: join(root, '.cache/browser-search.png') });
  expect(picture.length).toBeGreaterThan(20_000);

  await page.emulateMedia({ colorScheme: 'dark' });
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  }
  const dark = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  expect(dark).toBe('rgb(22, 23, 26)');
});

test('the policy is sent with everything, and the server gives nothing else away', async () => {
  const get = (path: string) => fetch(new URL(path, address));
  for (const path of ['', 'worker.js', '/dist/bundle/index.js', '/dist/align.wasm']) {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toContain(
      "script-src 'self' 'wasm-unsafe-eval';",
    );
  }
  for (const path of [
    '/package.json',
    '/.git/config',
    '/dist/%2e%2e/package.json',
    '/dist/..%2fpackage.json',
    '/dist',
  ])
    expect((await get(path)).status, path).toBe(404);
});
