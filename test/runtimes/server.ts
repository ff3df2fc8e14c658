// A server on localhost for browsers.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

const INSTALLED = 'test/node_modules';

/** Where a browser finds what modules import by name. A page has an import map for them; its workers have none. */
const MODULES: Readonly<Record<string, string>> = {
  '#platform': 'align-wasm/dist/platform/browser.js',
  '@jsquash/jpeg/codec/dec/mozjpeg_dec.js': '@jsquash/jpeg/codec/dec/mozjpeg_dec.js',
};

/** The names of other modules in a script replaced by addresses under `folder`. */
function plain(script: Uint8Array, folder: string): string {
  return new TextDecoder().decode(script).replace(/from '([^'./][^']*)'/g, (whole, name: string) => {
    const path = MODULES[name];
    return path === undefined ? whole : `from '${folder}/${INSTALLED}/${path}'`;
  });
}

/**
 * Serves the repository, and `blob` as /files; the repository again under /plain for workers, and under /isolated with
 * the headers that a page with shared memory needs.
 */
export async function serve(blob: Uint8Array): Promise<{ url: string; close: () => void }> {
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
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections(); // a browser keeps them
    },
  };
}
