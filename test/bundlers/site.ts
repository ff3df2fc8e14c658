// A folder on localhost as a web server gives it: isolated, so that there are threads, and under the content security
// policy that the package promises to live with.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

/** No page of a site lies at its root. */
export const BASE = '/app/';

/** What makes a page isolated. */
export const ISOLATED: Readonly<Record<string, string>> = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

const POLICY = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

export class Site {
  readonly url: string;
  /** Paths that were asked for and are not there. */
  readonly missing: readonly string[];
  /** What browsers report of the policy, workers inside of workers among them. */
  readonly reports: readonly string[];
  readonly #server: Server;

  private constructor(server: Server, missing: readonly string[], reports: readonly string[]) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${BASE}`;
    this.missing = missing;
    this.reports = reports;
  }

  /** Serves a folder under {@link BASE}. */
  static async open(folder: string): Promise<Site> {
    const [missing, reports]: [string[], string[]] = [[], []];
    const server = createServer((request, response) => {
      const path = normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname));
      if (path === '/report') {
        request.setEncoding('utf8').on('data', (text: string) => reports.push(text));
        response.writeHead(204).end();
        return;
      }
      const file = path.startsWith(BASE) ? join(folder, path.slice(BASE.length)) : '';
      readFile(path.endsWith('/') ? join(file, 'index.html') : file).then(
        (bytes) => {
          const type =
            TYPES[extname(path)] ?? (path.endsWith('/') ? 'text/html' : 'application/octet-stream');
          response.writeHead(200, {
            ...ISOLATED,
            'content-type': type,
            'content-security-policy': POLICY,
            // The same once more, only to be told.
            'content-security-policy-report-only': `${POLICY}; report-uri /report`,
          });
          response.end(bytes);
        },
        () => {
          if (path !== '/favicon.ico') missing.push(path);
          response.writeHead(404).end();
        },
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Site(server, missing, reports);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
