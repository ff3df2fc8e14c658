// A server on localhost that gives runtimes what they are to run, and takes their answers.

import { build } from 'esbuild';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** A script of this folder and all that it imports, as text. `names` are replaced by values. */
export async function bundled(script: string, names: Readonly<Record<string, string>> = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [here + script],
    ...{ bundle: true, write: false, format: 'esm', target: 'es2022', logLevel: 'error' },
    define: Object.fromEntries(Object.entries(names).map(([name, value]) => [name, JSON.stringify(value)])),
  });
  return outputFiles[0]!.text;
}

/** What to send, by who gets it: `window`, `worker`, `extension`. */
type Requests = ReadonlyMap<string, Uint8Array>;

export class Post {
  readonly url: string;
  /** The script for browsers, which knows where this is. */
  readonly script: string;
  readonly #server: Server;
  readonly #requests: Requests;
  readonly #answers = new Map<string, PromiseWithResolvers<Uint8Array>>();

  private constructor(server: Server, url: string, script: string, requests: Requests) {
    this.url = url;
    this.script = script;
    this.#server = server;
    this.#requests = requests;
    for (const where of requests.keys()) this.#answers.set(where, promise());
  }

  static async open(requests: Requests): Promise<Post> {
    const opened: { post?: Post } = {};
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const [type, body] = opened.post?.reply(request.url!, Buffer.concat(chunks)) ?? [];
        response.writeHead(body === undefined ? 404 : 200, {
          'access-control-allow-origin': '*',
          'content-type': type ?? 'text/plain',
        });
        response.end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return (opened.post = new Post(server, url, await bundled('browser.ts', { SERVER: url }), requests));
  }

  /** What `where` sent. @throws Error with what went wrong there */
  answer(where: string): Promise<Uint8Array> {
    return this.#answers.get(where)!.promise;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Type and body of the reply; nothing where there is no such thing. */
  reply(path: string, body: Uint8Array): [type: string, body: string | Uint8Array] | undefined {
    const { pathname, search } = new URL(path, this.url);
    const where = search.slice(1);
    switch (pathname) {
      case '/':
        return [
          'text/html',
          '<!doctype html><title>WebGPU</title><script type="module" src="client.js"></script>',
        ];
      case '/client.js':
        return ['text/javascript', this.script];
      case '/request': {
        const request = this.#requests.get(where);
        return request && ['application/octet-stream', request];
      }
      case '/answer':
        this.#answers.get(where)?.resolve(body);
        return ['text/plain', ''];
      case '/error':
        this.#answers.get(where)?.reject(new Error(new TextDecoder().decode(body)));
        return ['text/plain', ''];
      default:
        return undefined;
    }
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

function promise(): PromiseWithResolvers<Uint8Array> {
  let resolve!: (value: Uint8Array) => void;
  let reject!: (reason: Error) => void;
  const made = new Promise<Uint8Array>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  made.catch(() => undefined); // it may come before anybody waits for it
  return { promise: made, resolve, reject };
}
