// What remote models meet in browsers and on Workers: the Cache API with and without a list of its keys, a fetch that hides
// redirects, and a SHA-256 of our own.

import { createHash, randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { clear_cache } from '../../src/host/checkpoint/remote/cache.ts';
import { PATIENCE } from '../../src/host/checkpoint/remote/http.ts';
import { digest, Sha256 } from '../../src/host/checkpoint/remote/sha256.ts';
import { open_model, type OpenOptions } from '../../src/host/checkpoint/model_files.ts';
import { platform } from '../../src/host/platform/node.ts';
import { web_platform } from '../../src/host/platform/web_base.ts';
import { hostile_server, type HostileServer } from '../support/hostile_server.ts';

const FILE = randomBytes(5 * 2 ** 20);
const patience = { ...PATIENCE };
let server: HostileServer;
beforeAll(() => Object.assign(PATIENCE, { backoff_ms: 1 }));
afterAll(() => Object.assign(PATIENCE, patience));
beforeEach(async () => {
  server = await hostile_server({ '/m/w.safetensors': FILE });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  await server.close();
});

async function load(options: OpenOptions = {}): Promise<boolean> {
  const folder = await open_model(`${server.url}/m`, options);
  const source = (await folder.open('w.safetensors'))!;
  try {
    return FILE.equals(await source.read(0, source.size));
  } finally {
    await source.close?.();
  }
}

/** The Cache API in memory, in the parts that we use; Workers and Deno have no `keys`. */
class MemoryCaches {
  readonly stored = new Map<string, Response>();
  constructor(
    readonly lists: boolean,
    readonly quota: number = Infinity,
  ) {}

  open(): Promise<unknown> {
    const { stored, lists, quota } = this;
    return Promise.resolve({
      match: (url: string) => Promise.resolve(stored.get(url)?.clone()),
      put: (url: string, response: Response) => {
        if (stored.size >= quota) return Promise.reject(new DOMException('full', 'QuotaExceededError'));
        stored.set(url, response);
        return Promise.resolve();
      },
      delete: (url: string) => Promise.resolve(stored.delete(url)),
      ...(lists && { keys: () => Promise.resolve(Array.from(stored.keys(), (url) => new Request(url))) }),
    });
  }

  delete(): Promise<boolean> {
    this.stored.clear();
    return Promise.resolve(true);
  }
}

const web = web_platform('web', () => Promise.reject(new Error('no module')));

describe('the Cache API', () => {
  test.each([true, false])('keeps chunks and gives them back (it lists its keys: %s)', async (lists) => {
    const caches = new MemoryCaches(lists);
    vi.stubGlobal('caches', caches);
    vi.spyOn(platform, 'cache').mockImplementation((folder) => web.cache(folder));
    expect(await load()).toBe(true);
    expect(caches.stored.size).toBeGreaterThan(3);
    server.asked.length = 0;
    expect(await load()).toBe(true);
    const asked = server.asked.filter(({ path }) => path.endsWith('w.safetensors'));
    expect(asked.map(({ headers }) => headers.range)).toEqual(['bytes=0-0']);
    const [chunk] = Array.from(caches.stored.keys()).filter((url) => url.endsWith('/1'));
    caches.stored.delete(chunk!);
    expect(await load()).toBe(true);
    expect(caches.stored.has(chunk!)).toBe(true);
    await clear_cache();
    expect(caches.stored.size).toBe(0);
  });

  test.each([0, 2])('a quota of %i entries is survived', async (quota) => {
    vi.stubGlobal('caches', new MemoryCaches(true, quota));
    vi.spyOn(platform, 'cache').mockImplementation((folder) => web.cache(folder));
    for (let i = 0; i < 2; i++) expect(await load()).toBe(true);
  });

  test('none, or one that is closed, is survived; a path is refused', async () => {
    vi.spyOn(platform, 'cache').mockImplementation((folder) => web.cache(folder));
    vi.stubGlobal('caches', undefined);
    expect(await load()).toBe(true);
    vi.stubGlobal('caches', { open: () => Promise.reject(new DOMException('no', 'SecurityError')) });
    expect(await load()).toBe(true);
    await expect(load({ cache: './models' })).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('fetch', () => {
  test('that hides redirects, as in browsers, is asked to follow them', async () => {
    server.fault = ({ request, response }) => {
      if (!request.url!.startsWith('/m/w')) return false;
      response.writeHead(302, { Location: '/real' }).end();
      return true;
    };
    server.files.set('/real', FILE);
    const modes: unknown[] = [];
    const fetch: typeof globalThis.fetch = async (url, init) => {
      modes.push(init?.redirect);
      const response = await globalThis.fetch(url, init);
      if (init?.redirect !== 'manual' || response.status !== 302) return response;
      await response.body?.cancel();
      return Object.defineProperties(Response.error(), { type: { value: 'opaqueredirect' } });
    };
    expect(await load({ fetch, cache: false })).toBe(true);
    expect(modes).toContain('follow');
  });

  test('that throws what is no error, or never heard of a signal, ends in a typed error', async () => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    const throwing = (): Promise<Response> => Promise.reject('no');
    await expect(load({ fetch: throwing, cache: false })).rejects.toMatchObject({ code: 'network' });
    const controller = new AbortController();
    const deaf = (): Promise<Response> => {
      controller.abort();
      return new Promise(() => undefined);
    };
    const loading = load({ fetch: deaf, cache: false, signal: controller.signal });
    await expect(loading).rejects.toMatchObject({ code: 'aborted' });
  });
});

test('https is never left for http', async () => {
  const asked: string[] = [];
  const fetch = (url: string | URL | Request): Promise<Response> => {
    asked.push(url as string);
    const headers = { Location: 'http://models.example/m.bin' };
    return Promise.resolve(new Response(null, { status: 302, headers }));
  };
  await expect(
    Align.load('https://models.example/m.bin', { cache: false, token: 'word', fetch }),
  ).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('only https') as string });
  expect(asked).toEqual(['https://models.example/m.bin']);
});

describe('a fetch of the caller that is no fetch', () => {
  const strings = (): Response => {
    const texts = new ReadableStream({
      start(controller) {
        controller.enqueue('abc');
        controller.close();
      },
    });
    return new Response(texts);
  };
  const locked = (): Response => {
    const response = new Response('abc');
    response.body!.getReader();
    return response;
  };
  const used = async (): Promise<Response> => {
    const response = new Response('abc');
    await response.text();
    return response;
  };
  const hidden = (): unknown => Object.defineProperty(Response.error(), 'type', { value: 'opaqueredirect' });
  const thrown = (error: unknown) => (): never => {
    throw error;
  };
  test.each<[string, (() => unknown) | null]>([
    ['there is none', null],
    ['throws at once', thrown(new Error('proxy down'))],
    ['throws null at once', thrown(null)],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    ['rejects null', () => Promise.reject(null)],
    ['gives nothing', () => Promise.resolve()],
    ['gives null', () => Promise.resolve(null)],
    ['gives a number', () => 5],
    ['gives a used Response', used],
    ['gives a locked Response', locked],
    ['gives a body of another kind', () => ({ status: 200, headers: new Headers(), body: { pipe: 1 } })],
    ['gives a body of texts', strings],
    ['hides redirects that it should follow', hidden],
  ])('%s: a typed error, and nothing stays on the signal', async (_, fetch) => {
    const controller = new AbortController();
    vi.stubGlobal('fetch', fetch);
    for (const model of [`${server.url}/m`, `${server.url}/m.bin`])
      await expect(
        Align.load(model, { cache: false, signal: controller.signal }),
        model,
      ).rejects.toMatchObject({ code: 'network' });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});

describe('SHA-256', () => {
  test('in pieces of every length', async () => {
    const bytes = randomBytes(1000);
    for (let size = 0; size < 200; size++) {
      const expected = createHash('sha256').update(bytes.subarray(0, size)).digest('hex');
      for (const step of [1, 63, 64, 65, 200]) {
        const hasher = new Sha256();
        for (let at = 0; at < size; at += step) hasher.update(bytes.subarray(at, Math.min(size, at + step)));
        expect(hasher.hex()).toBe(expected);
      }
    }
    vi.stubGlobal('crypto', {});
    const expected = createHash('sha256').update(bytes).digest();
    expect(expected.equals(await digest(bytes))).toBe(true);
  });

  test('of a file is checked without Node too', async () => {
    vi.spyOn(platform, 'hasher').mockImplementation(() => web.hasher());
    const sum = createHash('sha256').update(FILE).digest('hex');
    expect(await load({ sha256: { 'w.safetensors': sum }, cache: false })).toBe(true);
  });
});
