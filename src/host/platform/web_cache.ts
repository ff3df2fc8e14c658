// The Cache API as a store: browsers, their workers, Deno, Cloudflare Workers. A key is the path of a URL that no server has.

import type { CacheStore } from './platform.ts';

const NAME = 'align-wasm';
const BASE = 'https://align-wasm.invalid/';

/** Null where there is no Cache API (pages without https), or it is closed to this page. */
export async function web_cache(): Promise<CacheStore | null> {
  const { caches } = globalThis as { caches?: CacheStorage };
  if (!caches) return null;
  const cache = await caches.open(NAME);
  // Cloudflare's and Deno's do not list what they hold.
  const keys = async (folder: string): Promise<string[] | null> => {
    if (typeof (cache as Partial<Cache>).keys !== 'function') return null;
    const start = `${BASE}${folder}/`;
    return (await cache.keys()).map(({ url }) => url).filter((url) => url.startsWith(start));
  };
  return {
    place: 'Cache API',
    async get(key) {
      const response = await cache.match(BASE + key);
      return response ? new Uint8Array(await response.arrayBuffer()) : null;
    },
    async put(key, bytes) {
      const headers = {
        'Content-Type': 'application/octet-stream',
        'Content-Length': String(bytes.length),
        // Workers keep nothing without it.
        'Cache-Control': 'public, max-age=31536000, immutable',
      };
      await cache.put(BASE + key, new Response(bytes as Uint8Array<ArrayBuffer>, { headers }));
    },
    async list(folder) {
      const urls = await keys(folder);
      return urls && urls.map((url) => url.slice(BASE.length + folder.length + 1));
    },
    async delete(folder) {
      for (const url of (await keys(folder)) ?? []) await cache.delete(url);
    },
    async clear() {
      await caches.delete(NAME);
    },
  };
}
