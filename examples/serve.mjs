// The web examples on this machine: node examples/serve.mjs [port]

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The pages, by the folder that they are in. */
const PAGES = {
  browser: 'Drop a picture, type labels, see scores',
  'browser-search': 'Search your pictures by words',
  'extension/demo': 'Buttons without names, for the extension',
};

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
};

/** Sent with everything: a worker obeys the policy of its own script's answer, not that of its page. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; " +
    "style-src 'self'; img-src 'self' blob:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/** The file behind a path: in examples/ or dist/, nothing hidden and nothing above. */
function file_of(path) {
  const parts = decodeURIComponent(path).split('/').slice(1);
  const odd = parts.some((part) => part.startsWith('.') || /[\\:\0]/.test(part));
  if (odd || !['examples', 'dist'].includes(parts[0])) return null;
  return join(root, ...parts, path.endsWith('/') ? 'index.html' : '');
}

/** The page that leads to the others. */
function list() {
  const items = Object.entries(PAGES).map(
    ([folder, what]) => `<li><a href="/examples/${folder}/">${what}</a></li>`,
  );
  return (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    '<title>align-wasm</title><link rel="icon" href="/examples/pictures/camera.png">' +
    `<link rel="stylesheet" href="/examples/base.css"><body><h1>Examples</h1><ul>${items.join('')}</ul></body></html>`
  );
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/')
    return response.writeHead(200, { ...HEADERS, 'content-type': TYPES['.html'] }).end(list());
  const file = file_of(pathname);
  const found = file && (await stat(file).catch(() => null));
  if (!found?.isFile() || !['GET', 'HEAD'].includes(request.method)) return response.writeHead(404).end();
  const type = TYPES[extname(file)] ?? 'application/octet-stream';
  response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': found.size });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file).pipe(response);
}

/** Serves on this machine alone; port 0 is any free one. Gives the server and the pages' addresses by their folders. */
export async function serve(port = 0) {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(400).end());
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const address = (folder) => `http://localhost:${server.address().port}/examples/${folder}/`;
  const pages = Object.fromEntries(Object.keys(PAGES).map((folder) => [folder, address(folder)]));
  return { server, pages };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { pages } = await serve(Number(process.argv[2] ?? 8080));
  for (const [folder, address] of Object.entries(pages)) console.log(`${PAGES[folder]}: ${address}`);
  console.log('Ctrl+C ends it');
}
