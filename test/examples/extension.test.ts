// examples/extension in Chromium, unpacked as its build makes it: the icons of a page named and taken back.

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CDPSession, Frame, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { build_extension } from '../../examples/extension/build.mjs';
import { serve } from '../../examples/serve.mjs';
import { open_extension } from '../../scripts/open_extension.mjs';
import { Align, LabelSet } from '../../src/host/index.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

const root = fileURLToPath(new URL('../../', import.meta.url));
const served = await serve();
let [folder, browser, model, names] = ['', null! as Browser, null! as Align, null! as LabelSet];
let page: Page;
type Browser = Awaited<ReturnType<typeof open_extension>>;
/** What pages complained of, and requests of other hosts. */
const complaints: string[] = [];

/** Of the demo page; those in a shadow root or named before are apart. */
const ICONS =
  'menu search bell back-button trash-button printer download calendar camera cloud folder star play add heart lock paperclip close send'.split(
    ' ',
  );

beforeAll(async () => {
  folder = await build_extension(await mkdtemp(join(tmpdir(), 'align-extension-')));
  model = await Align.load();
  names = LabelSet.from_bytes(await readFile(join(folder, 'names.bin')));
  browser = await open_extension(folder, { viewport: { width: 900, height: 640 } });
  browser.worker.on('console', (message) => complaints.push(`worker: ${message.text()}`));
  browser.context.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (!['chrome-extension:', 'data:', 'blob:'].includes(protocol) && !/^localhost:|\.test$/.test(host))
      complaints.push(request.url());
  });
});

beforeEach(async () => {
  page = await browser.context.newPage();
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', ({ message }) => complaints.push(message));
});

afterEach(async () => {
  await browser.context.setOffline(false);
  for (const other of browser.context.pages().slice(1)) await other.close();
  expect(complaints.splice(0)).toEqual([]);
});

afterAll(async () => {
  model.dispose();
  await browser.close();
  await rm(folder, { recursive: true });
  served.server.close();
});

/** The demo page, with what an extension must leave alone behind it. */
async function open_demo(): Promise<void> {
  await page.goto(served.pages['extension/demo']);
  await page.evaluate((svg) => {
    const style = new CSSStyleSheet();
    style.replaceSync('.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden }');
    document.adoptedStyleSheets = [style];
    const aside = document.createElement('aside');
    aside.innerHTML = [
      `<button>${svg} Print</button>`,
      `<p id="its-name">Print</p><button aria-labelledby="its-name">${svg}</button>`,
      `<button aria-label="Print">${svg}</button>`,
      `<button title="Print">${svg}</button>`,
      `<button>${svg}<span class="quiet">Print</span></button>`,
      `<button>${svg.replace('>', '><title>Print</title>')}</button>`,
      `<button>${svg.replace('<svg', '<svg aria-label="Print"')}</button>`,
      `<a href="#print"><img src="lock.svg" alt="Print" width="24"></a>`,
      `<label for="labelled">Print</label><button id="labelled">${svg}</button>`,
      `<input type="button" value="Print">`,
      `<div hidden><button>${svg}</button></div>`,
      `<button aria-hidden="true">${svg}</button>`,
      `<div inert><button>${svg}</button></div>`,
      `<button></button>`,
      `<a href="#picture"><img src="camera.svg" width="200" height="200"></a>`,
      `<div>${svg}</div>`,
    ].join('\n');
    document.body.append(aside);
  }, SVG);
}

const SVG = '<svg viewBox="0 0 24 24"><path d="M5 12h14M12 5v14"></path></svg>';

/** All that undoing has to bring back, of the button in the shadow root too. */
const html = () =>
  page.evaluate(() =>
    [document.documentElement, document.querySelector('demo-button')?.shadowRoot]
      .map((part) => (part instanceof Element ? part.outerHTML : part?.innerHTML))
      .join(),
  );
const labels = () =>
  page.evaluate((ids) => ids.map((id) => document.getElementById(id)!.getAttribute('aria-label')), ICONS);
const status = (popup: Page, text: string | RegExp) =>
  popup.getByRole('status').filter({ hasText: text }).waitFor();

interface Row {
  picture: string;
  name: string;
  score: string;
}

/** What the popup shows. */
const rows = (popup: Page): Promise<Row[]> =>
  popup.locator('#icons li').evaluateAll((all) =>
    all.map((row) => ({
      picture: row.querySelector('img')!.src,
      name: row.querySelector('.label')!.textContent,
      score: row.querySelector('.score')!.textContent,
    })),
  );

/** What the package says in Node of a row's drawing. */
async function in_node({ picture }: Row): Promise<{ name: string; score: string }> {
  const bytes = Buffer.from(picture.split(',')[1]!, 'base64');
  const [best] = await model.classify(bytes, names, { scores: 'cosine', top_k: 1 });
  return { name: best!.label, score: best!.score.toFixed(2) };
}

/** Whatever they fit, so that nothing here depends on how good the model is. */
async function any_score(popup: Page): Promise<void> {
  await popup.getByRole('slider').fill('0');
}

async function name_all(): Promise<Page> {
  const popup = await browser.open_popup(page);
  await any_score(popup);
  await popup.getByRole('button', { name: 'Name icons' }).click();
  await status(popup, 'named');
  return popup;
}

test('offline, every icon alone is named as in Node, nothing else is touched, and all is undone', async () => {
  await open_demo();
  const before = await html();
  await browser.context.setOffline(true);
  const popup = await name_all();
  await status(popup, `${ICONS.length + 1} icons named.`); // and the one in the shadow root
  const shown = await rows(popup);
  for (const row of shown) expect(await in_node(row)).toEqual({ name: row.name, score: row.score });
  expect(new Set(shown.map(({ picture }) => picture)).size).toBe(shown.length);

  expect(await labels()).toEqual(shown.slice(0, -1).map(({ name }) => name));
  expect(names.labels).toEqual(expect.arrayContaining(shown.map(({ name }) => name)));
  expect(await page.locator('demo-button').getByRole('button').getAttribute('aria-label')).toBe(
    shown.at(-1)!.name,
  );
  expect(await page.locator('aside [data-icon-name], [id^=named-][data-icon-name]').count()).toBe(0);

  await popup.getByRole('button', { name: 'Undo all' }).click();
  await status(popup, 'The page is as it was.');
  expect(await html()).toBe(before);
  await popup.close();
});

test('drawings are dark on white, and have the shape that the page shows', async () => {
  await open_demo();
  const popup = await name_all();
  for (const { picture } of await rows(popup)) {
    const { corner, ink, edge } = await page.evaluate(async (src) => {
      const image = Object.assign(new Image(), { src: '' });
      image.src = URL.createObjectURL(
        new Blob([Uint8Array.from(atob(src.split(',')[1]!), (c) => c.charCodeAt(0))], { type: 'image/png' }),
      );
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d')!;
      context.drawImage(image, 0, 0);
      const { data, width, height } = context.getImageData(0, 0, image.width, image.height);
      const dark = (x: number, y: number) => data[4 * (y * width + x) + 1]! < 128;
      let [ink, edge] = [0, 0];
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          if (dark(x, y)) {
            ink++;
            if (Math.min(x, y, width - 1 - x, height - 1 - y) < 6) edge++;
          }
      return { corner: data[0], ink: ink / (width * height), edge };
    }, picture);
    expect(corner).toBe(255);
    expect(ink).toBeGreaterThan(0.03);
    expect(ink).toBeLessThan(0.5);
    expect(edge).toBe(0);
  }
});

test('one is undone and named again; the threshold leaves alone what fits less', async () => {
  await open_demo();
  const before = await html();
  const own = await labels(); // none, or an empty one
  const popup = await name_all();
  const named = await labels();
  const first = popup.locator('#icons li').first();
  await first.getByRole('button', { name: `Undo ${named[0]!}` }).click();
  await status(popup, `${ICONS.length} icons named, 1 left alone.`);
  expect(await labels()).toEqual([own[0], ...named.slice(1)]);
  await first.getByRole('button', { name: `Name ${named[0]!}` }).click();
  await status(popup, `${ICONS.length + 1} icons named.`);
  expect(await labels()).toEqual(named);

  const shown = await rows(popup);
  const scores = shown.map(({ score }) => Number(score)).sort((a, b) => a - b);
  const middle = scores[10]!;
  await popup.getByRole('slider').fill(String(middle + 0.01));
  await status(popup, 'left alone');
  const written = await labels();
  shown.slice(0, -1).forEach(({ name, score }, i) => {
    if (Number(score) < middle - 0.01) expect(written[i]).toBe(own[i]);
    if (Number(score) > middle + 0.02) expect(written[i]).toBe(name);
  });
  expect(written).not.toEqual(named);
  await popup.getByRole('slider').fill('1');
  await status(popup, '0 icons named, 20 left alone.');
  expect(await html()).toBe(before);
});

test('buttons that come later are named, icons that change are named again, with the worker stopped in between', async () => {
  await open_demo();
  const popup = await name_all();
  const pause = (await rows(popup))[ICONS.indexOf('play')]!;
  const devtools = await browser.context.newCDPSession(popup);
  await devtools.send('ServiceWorker.enable');
  const stopped = new Promise<void>((resolve) => {
    devtools.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
      if (versions.some(({ runningStatus }) => runningStatus === 'stopped')) resolve();
    });
  });
  await devtools.send('ServiceWorker.stopAllWorkers');
  await stopped;

  await page.locator('#play').click();
  await page.evaluate((svg) => {
    document.querySelector('aside')!.insertAdjacentHTML('beforeend', `<button id="late">${svg}</button>`);
  }, SVG);
  const late = page.locator('#late[data-icon-name]');
  await late.waitFor();
  await popup.reload();
  await status(popup, '21 icons named.');
  const shown = await rows(popup);
  const changed = shown[ICONS.indexOf('play')]!;
  expect(changed.picture).not.toBe(pause.picture);
  expect(await page.locator('#play').getAttribute('aria-label')).toBe((await in_node(changed)).name);
  expect(await late.getAttribute('aria-label')).toBe((await in_node(shown.at(-1)!)).name);

  // The page names it by itself: its name counts.
  await page.evaluate(() => document.getElementById('late')!.append('Own name'));
  await page.locator('#late:not([aria-label])').waitFor();
});

/** An icon by every way that has a rule of its own, each beside the same one as an inline svg. */
const CAMERA =
  `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' width='24' height='24'><g transform='rotate(0)' fill='none' ` +
  `stroke='black' stroke-width='2'><path d='M5 7h1l2-3h8l2 3h1a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2'/>` +
  `<path d='M9 13a3 3 0 1 0 6 0a3 3 0 0 0-6 0'/></g></svg>`;
const IN_CSS = `url("data:image/svg+xml;utf8,${CAMERA.replaceAll("'", '\\"')}")`;
const WAYS = {
  plain: `<button>${CAMERA}</button>`,
  'a layer under a gradient': `<button style='background: linear-gradient(rgba(0, 0, 0, 0), transparent), ${IN_CSS} center no-repeat, linear-gradient(transparent, transparent)'></button>`,
  'an image-set': `<button style='background: image-set(${IN_CSS} 1x, ${IN_CSS} 2x) center no-repeat'></button>`,
  content: `<button><i style='content: ${IN_CSS}'></i></button>`,
  'content before': '<button class="before"></button>',
} as const;
const STYLE = `<style>button { width: 40px; height: 40px; padding: 0; border: 0 } .before::before { content: ${IN_CSS} }</style>`;

test('icons in lists of layers, in image-sets and in content have the name that they have as inline svg', async () => {
  const buttons = Object.values(WAYS).join('');
  await browser.context.route('http://icons.test/', (route) =>
    route.fulfill({ contentType: 'text/html', body: `<!doctype html>${STYLE}${buttons}` }),
  );
  await page.goto('http://icons.test/');
  await name_all();
  const found = await page
    .locator('button')
    .evaluateAll((all) => all.map((button) => button.getAttribute('aria-label')));
  expect(found[0]).not.toBeNull();
  const ways = Object.keys(WAYS);
  expect(Object.fromEntries(ways.map((way, i) => [way, found[i]]))).toEqual(
    Object.fromEntries(ways.map((way) => [way, found[0]])),
  );
});

test('frames of the page’s own host are looked into, also when they load another page; others are left alone', async () => {
  const inner = `<!doctype html>${STYLE}${WAYS.plain}${WAYS['content before']}`;
  const outer = `<!doctype html>${STYLE}${WAYS.plain}<iframe src="/inner"></iframe><iframe src="http://other.test/"></iframe>`;
  await browser.context.route(/^http:\/\/(icons|other)\.test\//, (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: route.request().url().endsWith('.test/framing') ? outer : inner,
    }),
  );
  await page.goto('http://icons.test/framing');
  const [own, other] = page.frames().slice(1) as [Frame, Frame];
  const named = (frame: Frame) => frame.locator('[data-icon-name]');
  const before = await own.content();
  const popup = await name_all();
  await status(popup, '3 icons named.');
  expect(await named(own).count()).toBe(2);
  expect(await named(other).count()).toBe(0);

  await own.goto('http://icons.test/next');
  await named(own).first().waitFor();
  await popup.reload();
  await status(popup, '3 icons named.');
  await popup.getByRole('button', { name: 'Undo all' }).click();
  await status(popup, 'The page is as it was.');
  expect(await own.content()).toBe(before);
});

test('a picture is labelled from the context menu, of another host too', async () => {
  const picture = await readFile(join(root, 'examples/pictures/dog.png'));
  await browser.context.route('http://*.test/**', (route) => {
    const { hostname } = new URL(route.request().url());
    if (hostname === 'other.test') return route.fulfill({ body: picture, contentType: 'image/png' });
    const body =
      '<body bgcolor="white"><img src="/dog.png"><img src="http://other.test/dog.png"><button><img width="40" src="http://other.test/x.png">';
    const html = route.request().resourceType() === 'document';
    return route.fulfill(
      html ? { body, contentType: 'text/html' } : { body: picture, contentType: 'image/png' },
    );
  });
  await page.goto('http://page.test/');
  await browser.click(page);
  const devtools = await browser.context.newCDPSession(page);
  const worker = browser.context.serviceWorkers()[0]!;
  await worker.evaluate(() => chrome.storage.local.set({ labels: ['dog', 'pizza', 'sailboat'] }));
  for (const host of ['page', 'other']) {
    await worker.evaluate(async (srcUrl) => {
      const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
      chrome.contextMenus.onClicked.dispatch({ menuItemId: 'label', frameId: 0, srcUrl }, tab);
    }, `http://${host}.test/dog.png`);
    await vi.waitFor(async () => expect(await panel(devtools)).toHaveLength(3), 10_000);
    const said = await panel(devtools);
    expect(new Set(said.map((text) => text.split(' ')[0]))).toEqual(new Set(['dog', 'pizza', 'sailboat']));
    await page.keyboard.press('Escape');
    await vi.waitFor(async () => expect(await panel(devtools)).toEqual([]));
  }
  // A button that shows a picture of another host is drawn from what is seen.
  const popup = await name_all();
  await status(popup, '1 icon named.');
  const [row] = await rows(popup);
  expect(await in_node(row!)).toEqual({ name: row!.name, score: row!.score });
  await browser.context.unroute('http://*.test/**');
});

/** The lines of the panel, which is in a closed shadow root: as a screen reader finds them. */
async function panel(devtools: CDPSession): Promise<string[]> {
  const { nodes } = await devtools.send('Accessibility.getFullAXTree');
  const texts = (id: string): string => {
    const node = nodes.find(({ nodeId }) => nodeId === id)!;
    const own = node.role?.value === 'StaticText' ? String(node.name?.value) : '';
    return [own, ...(node.childIds ?? []).map(texts)].filter(Boolean).join(' ');
  };
  return nodes.filter(({ role }) => role?.value === 'listitem').map(({ nodeId }) => texts(nodeId));
}

test('it asks for no host, and holds all of its code', async () => {
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  expect(manifest['permissions']).toEqual(['activeTab', 'scripting', 'contextMenus', 'storage']);
  for (const key of Object.keys(manifest))
    expect(key).not.toMatch(/host_permissions|content_scripts|externally/);
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => /\.(js|html)$/.test(name))) {
    const text = await readFile(join(folder, file), 'utf8');
    expect(text, file).not.toMatch(
      /\bimport\s*\(|\beval\s*\(|new Function|(?:src|href)="https?:|from ?"https?:/,
    );
  }
});
