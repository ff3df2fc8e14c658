// Chromium with an unpacked extension in it, for the tests of one and its screenshot.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/**
 * Loads the extension in `folder`. `click` does to a page what a click on the extension's button does: it gets the right to
 * that tab; `open_popup` shows the popup in a tab of its own, behind the page that it is for.
 */
export async function open_extension(folder, options = {}) {
  const profile = await mkdtemp(join(tmpdir(), 'align-extension-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    ignoreDefaultArgs: ['--disable-extensions'],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      `--disable-extensions-except=${folder}`,
      `--load-extension=${folder}`,
    ],
    ...options,
  });
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  const id = new URL(worker.url()).host;
  const devtools = await context.browser().newBrowserCDPSession();

  async function click(page) {
    await page.bringToFront();
    const { targetInfos } = await devtools.send('Target.getTargets', { filter: [{ type: 'tab' }] });
    const { targetId } = targetInfos.find(({ url }) => url === page.url());
    await devtools.send('Extensions.triggerAction', { id, targetId });
  }

  async function open_popup(page) {
    await click(page);
    const popup = await context.newPage();
    await popup.setViewportSize({ width: 320, height: 600 });
    await page.bringToFront();
    await popup.goto(`chrome-extension://${id}/popup.html`);
    return popup;
  }

  async function close() {
    await context.close();
    await rm(profile, { recursive: true, maxRetries: 5 });
  }

  return { context, worker, click, open_popup, close };
}
