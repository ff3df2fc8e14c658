// Chromium without a window, and a server on localhost for it.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { extname, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser } from 'playwright-core';

const root = fileURLToPath(new URL('../../', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where a browser finds what modules import by name. A page has an import map for them; its workers have none. */
const MODULES: Readonly<Record<string, string>> = {
  '#platform': 'dist/platform/browser.js',
  '@jsquash/jpeg/codec/dec/mozjpeg_dec.js': 'node_modules/@jsquash/jpeg/codec/dec/mozjpeg_dec.js',
  'fast-png': 'node_modules/fast-png/lib/index.js',
  fflate: 'node_modules/fflate/esm/browser.js',
  iobuffer: 'node_modules/iobuffer/lib/iobuffer.js',
};

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

/** The names of other modules in a script replaced by addresses under `folder`. */
function plain(script: Uint8Array, folder: string): string {
  return new TextDecoder().decode(script).replace(/from '([^'./][^']*)'/g, (whole, name: string) => {
    const path = MODULES[name];
    return path === undefined ? whole : `from '${folder}/${path}'`;
  });
}

/**
 * Serves the repository, and `blob` as /files; the repository again under /plain for workers, and under /isolated with
 * the headers that a page with shared memory needs.
 */
async function serve(blob: Uint8Array): Promise<Server> {
  const server = createServer((request, response) => {
    const whole = normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname));
    const folder = /^\/(plain|isolated)(?=\/)/.exec(whole)?.[0] ?? '';
    const path = whole.slice(folder.length);
    const body = path === '/files' ? Promise.resolve(blob) : readFile(root + path);
    body.then(
      (bytes) => {
        response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
        if (folder === '/isolated') {
          response.setHeader('cross-origin-opener-policy', 'same-origin');
          response.setHeader('cross-origin-embedder-policy', 'require-corp');
        }
        response.end(folder !== '' && extname(path) === '.js' ? plain(bytes, folder) : bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Opens a page of the repository and waits for its `globalThis.result`; an error in the page is one here. */
export async function run_in_chromium(page_path: string, blob: Uint8Array): Promise<unknown> {
  const server = await serve(blob);
  const browser = await launch_chromium();
  try {
    const page = await browser.newPage();
    const failure = new Promise<never>((_, reject) => page.on('pageerror', reject));
    failure.catch(() => undefined); // it may come before anybody waits for it
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}${page_path}`);
    const result = page.waitForFunction(() => (globalThis as { result?: unknown }).result, null, {
      timeout: 200_000,
    });
    return await (await Promise.race([result, failure])).jsonValue();
  } finally {
    await browser.close();
    server.close();
  }
}
