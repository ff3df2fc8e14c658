// Chromium without a window.

import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { serve } from './server.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where Debian has it, unless the environment says otherwise. */
export function find_chromium(): string {
  const path = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
  if (!existsSync(path))
    throw new Error(`${path} is not there: apt-get install chromium, or set CHROMIUM to its path`);
  return path;
}

/** A browser without a window. */
export function launch_chromium(): Promise<Browser> {
  return chromium.launch({ executablePath: find_chromium(), args: FLAGS });
}

/** What `task` finds in a browser of its own, with a server of the repository at `url` and `blob` in its /files. */
export async function with_page<T>(
  blob: Uint8Array,
  task: (page: Page, url: string) => Promise<T>,
): Promise<T> {
  const server = await serve(blob);
  const browser = await launch_chromium();
  try {
    return await task(await browser.newPage(), server.url);
  } finally {
    await browser.close();
    server.close();
  }
}

/** Opens a page of the repository and waits for its `globalThis.result`; an error in the page is one here. */
export function run_in_chromium(page_path: string, blob: Uint8Array): Promise<unknown> {
  return with_page(blob, async (page, url) => {
    const failure = new Promise<never>((_, reject) => page.on('pageerror', reject));
    failure.catch(() => undefined); // it may come before anybody waits for it
    await page.goto(url + page_path);
    const result = page.waitForFunction(() => (globalThis as { result?: unknown }).result, null, {
      timeout: 200_000,
    });
    return await (await Promise.race([result, failure])).jsonValue();
  });
}
