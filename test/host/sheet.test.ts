// The contact sheet in Chromium: by day, by night and on a phone, without an error, a request or a picture that fails.

import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch_chromium } from '../runtimes/chromium.ts';
import { cli } from './cli.ts';
import { blocks } from './picture_folder.ts';
import { picture } from './zero_shot.ts';

const HOSTILE = '"><img src=x onerror=alert(1)> & a long name that has no end, nor a place to be broken.png';

let folder: string;
let sheet: string;
let browser: Browser;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
  const pictures = join(folder, 'more pictures');
  await mkdir(pictures);
  await writeFile(join(pictures, 'wide.png'), blocks(1, 1600, 300));
  await writeFile(join(pictures, 'tall.png'), blocks(2, 300, 1600));
  await writeFile(join(pictures, HOSTILE), blocks(3, 1200, 800));
  for (const name of ['dog', 'fish', 'bus']) await copyFile(picture(name), join(pictures, `${name}.png`));
  await copyFile(picture('lock'), join(pictures, 'gone.png'));
  const index = join(folder, 'index.safetensors');
  expect((await cli(['index', dirname(picture('dog')), pictures, '-o', index])).status).toBe(0);
  await rm(join(pictures, 'gone.png'));
  sheet = join(folder, 'sheet.html');
  const query = ['an animal', '--image', picture('fish'), '--minus', 'a bus'];
  expect((await cli(['search', index, ...query, '--html', sheet])).status).toBe(0);
  browser = await launch_chromium();
});
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

interface Shown {
  readonly pictures: number;
  readonly blank: number;
  readonly outside: string[];
  readonly overlaps: number;
  readonly heading: string;
  readonly bars: number[];
  readonly colours: [ground: string, ink: string];
}

/** What stands on the page, measured in the page. */
function shown(page: Page): Promise<Shown> {
  return page.evaluate(() => {
    const all = (selector: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(selector)];
    const { backgroundColor, color } = getComputedStyle(document.body);
    const figures = all('figure').map((figure) => figure.getBoundingClientRect());
    return {
      pictures: figures.length,
      blank: all('img').filter((img) => (img as HTMLImageElement).naturalWidth === 0).length,
      outside: all('body *')
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
        .filter((element) => element.closest('.name, .folder') === null)
        .map((element) => element.outerHTML.slice(0, 80)),
      overlaps: figures.filter((a, i) =>
        figures.some(
          (b, j) =>
            j > i &&
            a.left < b.right - 1 &&
            b.left < a.right - 1 &&
            a.top < b.bottom - 1 &&
            b.top < a.bottom - 1,
        ),
      ).length,
      heading: document.querySelector('h1')!.innerText.replace(/\s+/g, ' '),
      bars: all('.bar div').map(
        (bar) => bar.getBoundingClientRect().width / bar.parentElement!.getBoundingClientRect().width,
      ),
      colours: [backgroundColor, color],
    };
  });
}

/** How bright a CSS colour is, 0 to 255. */
const brightness = (colour: string): number => Math.max(...colour.match(/\d+/g)!.slice(0, 3).map(Number));

describe('the contact sheet', () => {
  it.each([
    ['by day', 1200, 900, 'light'],
    ['by night', 1200, 900, 'dark'],
    ['on a phone', 360, 740, 'light'],
  ] as const)('%s', async (name, width, height, colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    const trouble: string[] = [];
    page.on('console', (message) => trouble.push(message.text()));
    page.on('pageerror', (error) => trouble.push(String(error)));
    page.on('dialog', (dialog) => trouble.push(dialog.message()));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) trouble.push(request.url());
    });
    await page.goto(pathToFileURL(sheet).href);
    const found = await shown(page);
    expect(trouble).toEqual([]);
    expect(found).toMatchObject({ pictures: 21, blank: 0, outside: [], overlaps: 0 });
    expect(found.heading).toMatch(/^an animal \+ ?− 0\.5 × a bus$/);
    // Each bar at most as long as the one before.
    expect(found.bars[0]).toBeCloseTo(1, 2);
    found.bars.forEach((bar, i) => expect(bar).toBeLessThanOrEqual((found.bars[i - 1] ?? 1) + 0.001));
    const [ground, ink] = found.colours.map(brightness);
    if (colorScheme === 'dark') expect([ground! < 60, ink! > 200]).toEqual([true, true]);
    else expect([ground! > 200, ink! < 60]).toEqual([true, true]);
    expect(await page.locator('.note').allInnerTexts()).toEqual(['not found']);
    expect(await page.locator('.missing').count()).toBe(1);
    const screenshot = await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
    expect(screenshot.length).toBeGreaterThan(20_000);
    await page.close();
  });
});
