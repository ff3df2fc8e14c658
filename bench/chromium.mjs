// Chromium without a window: a page from a server on localhost, where every contestant has a worker of its own.

import { createReadStream, existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};
const FLAGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-sync'];
/** Software adapters are unsafe, by Chromium's word; a page without WebGPU needs no process for a GPU. */
const WITH_GPU = ['--enable-unsafe-webgpu', ...(process.env.CHROMIUM_FLAGS?.split(' ') ?? [])];
const WITHOUT_GPU = ['--disable-gpu'];

/** Ms that closing may take: a GPU process that computes answers late. */
const CLOSING = 10_000;

/** What a bundler would put in place of the names that a browser cannot find: an import map does not reach workers. */
const PACKAGES = [
  ['#platform', '/dist/platform/browser.js'],
  ['@jsquash/jpeg/', '/node_modules/@jsquash/jpeg/'],
];

const rewrite = (script) =>
  PACKAGES.reduce((text, [name, path]) => text.replaceAll(`from '${name}`, `from '${path}`), script);

async function answer(request, response) {
  const path = root + normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
  const type = TYPES[extname(path)] ?? 'application/octet-stream';
  // Isolated from other origins, without which there is no SharedArrayBuffer.
  const headers = {
    'content-type': type,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  };
  if (type === TYPES['.js']) {
    response.writeHead(200, headers).end(rewrite(await readFile(path, 'utf8')));
    return;
  }
  const { size } = await stat(path);
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const [start, end] = from === undefined ? [0, size - 1] : [Number(from), Math.min(Number(to), size - 1)];
  response.writeHead(from === undefined ? 200 : 206, { ...headers, 'content-length': end - start + 1 });
  if (request.method === 'HEAD') response.end();
  else createReadStream(path, { start, end, highWaterMark: 2 ** 20 }).pipe(response);
}

/**
 * @param gpu whether there is to be WebGPU; CHROMIUM_FLAGS adds what a driver needs
 * @returns `name` with its version; start(): a worker, used as what start_node gives; close()
 * @throws where there is no Chromium
 */
export async function start_chromium({ gpu = false } = {}) {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath))
    throw new Error(`there is no Chromium at ${executablePath} (set CHROMIUM)`);
  const server = createServer((request, response) =>
    answer(request, response).catch(() => response.writeHead(404).end()),
  );
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath,
    args: [...FLAGS, ...(gpu ? WITH_GPU : WITHOUT_GPU)],
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/bench/page.html`);
  let last = 0;
  return {
    name: `Chromium ${browser.version()}`,
    start() {
      const id = last++;
      const started = page.evaluate((id) => globalThis.start(id), id);
      return {
        async call(module, name, ...args) {
          await started;
          const { value, error } = await page.evaluate(
            (call) => globalThis.call(...call),
            [id, module, name, args],
          );
          if (error) throw Object.assign(new Error(error.message), error);
          return value;
        },
        close: () => void page.evaluate((id) => globalThis.stop(id), id).catch(() => {}),
      };
    },
    async close() {
      await Promise.race([browser.close(), new Promise((late) => setTimeout(late, CLOSING).unref())]);
      server.close();
      server.closeAllConnections();
    },
  };
}
