// The pictures of the examples in the README, made again: node scripts/screenshots.mjs (after npm start; needs Chromium)

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build_extension } from '../examples/extension/build.mjs';
import { serve } from '../examples/serve.mjs';
import { open_extension } from './open_extension.mjs';
import { root } from './setup.mjs';

const folder = await build_extension(await mkdtemp(join(tmpdir(), 'align-extension-')));
const { server, pages } = await serve();
const { context, open_popup, close } = await open_extension(folder, {
  viewport: { width: 960, height: 640 },
  colorScheme: 'light',
});
const status = (page, text) => page.getByRole('status').filter({ hasText: text }).waitFor();
const file = (example) => join(root, `examples/${example}/screenshot.png`);

async function label_a_picture() {
  const page = await context.newPage();
  await page.setViewportSize({ width: 960, height: 800 });
  await page.goto(pages.browser);
  await status(page, 'fits best');
  await page.waitForFunction(() =>
    document.getAnimations().every(({ playState }) => playState === 'finished'),
  );
  await page.screenshot({ path: file('browser') });
  await page.close();
}

/** The popup is a window of its own: its picture is laid over the page's. */
async function name_icons() {
  const page = await context.newPage();
  await page.goto(pages['extension/demo']);
  const popup = await open_popup(page);
  await popup.getByRole('button', { name: 'Name icons' }).click();
  await status(popup, 'named');
  const below = await page.screenshot();
  await popup.bringToFront();
  const above = await popup.screenshot({ clip: { x: 0, y: 0, width: 320, height: 560 } });
  const url = (png) => `data:image/png;base64,${png.toString('base64')}`;
  const both = await context.newPage();
  await both.setContent(
    `<style>* { margin: 0 } .popup { position: fixed; top: 14px; right: 14px; border-radius: 10px; ` +
      `box-shadow: 0 0 0 1px #0002, 0 10px 40px #0005 }</style><img src="${url(below)}"><img class="popup" src="${url(above)}">`,
  );
  await both.waitForFunction(() => [...document.images].every((image) => image.complete));
  await writeFile(file('extension'), await both.screenshot());
}

try {
  await label_a_picture();
  await name_icons();
} finally {
  await close();
  server.close();
  await rm(folder, { recursive: true });
}
