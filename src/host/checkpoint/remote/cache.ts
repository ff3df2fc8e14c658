// What is kept of remote files between loads: their chunks, each with its own SHA-256 behind it, under the URL and the
// version of the file; and what is known of the file, under its URL alone. A chunk is stored whole or not at all, so a broken
// download goes on where it was, and processes that load at once cannot hurt each other. Every failure of the cache is
// survived: what cannot be stored is fetched again.

import { platform } from '#platform';
import { AlignError } from '../../errors.ts';
import type { CacheStore } from '../../platform/platform.ts';
import { free } from '../source.ts';
import { CHUNK } from './download.ts';
import { digest, text_digest } from './sha256.ts';

/** `true` (default): the runtime's own place; a path: that folder, where there is a file system; `false`: none. */
export type CacheOption = boolean | string;

const DIGEST = 32;
const META = 'meta';

/** What is known of a file without asking its server. */
export interface Meta {
  readonly size: number;
  readonly version: string;
}

/** The size of a file that its server did not have. */
const ABSENT = -1;

export class Cache {
  readonly #store: CacheStore;

  private constructor(store: CacheStore) {
    this.#store = store;
  }

  /** Null where there is none, or it must not be used. @throws AlignError `invalid_argument` (a path without a file system) */
  static async open(option: CacheOption | undefined): Promise<Cache | null> {
    if (option === false) return null;
    try {
      const store = await platform.cache(typeof option === 'string' ? option : undefined);
      return store && new Cache(store);
    } catch (error) {
      if (error instanceof AlignError) throw error;
      return null;
    }
  }

  /** Null where nothing is known. */
  async meta(url: URL): Promise<Meta | 'absent' | null> {
    const bytes = await get(this.#store, `${await text_digest(url.href)}/${META}`);
    if (bytes === null) return null;
    try {
      const { size, version } = JSON.parse(new TextDecoder().decode(bytes)) as Meta;
      if (size === ABSENT) return 'absent';
      return Number.isSafeInteger(size) && size >= 0 && typeof version === 'string'
        ? { size, version }
        : null;
    } catch {
      return null;
    }
  }

  /** Remembers that there is no such file, for loads that cannot ask. */
  async absent(url: URL, old: Meta | null): Promise<void> {
    if (old !== null) await this.#store.delete(await folder_of(url, old)).catch(() => undefined);
    await this.#tell(url, { size: ABSENT, version: '' });
  }

  /** The place of one version of a file; an older version makes room for it. */
  async entry(url: URL, meta: Meta, old: Meta | null): Promise<CacheEntry> {
    const folder = await folder_of(url, meta);
    const older = old === null ? folder : await folder_of(url, old);
    // Without a version nothing says that what is there is still the file.
    const known = old !== null && older === folder && meta.version !== '';
    if (!known) await this.#store.delete(older).catch(() => undefined);
    const entry = new CacheEntry(this.#store, folder, meta.size, known);
    await this.#tell(url, meta);
    return entry;
  }

  /** The same without a server: what is there is taken for the file. */
  async known_entry(url: URL, meta: Meta): Promise<CacheEntry> {
    return new CacheEntry(this.#store, await folder_of(url, meta), meta.size, true);
  }

  async #tell(url: URL, { size, version }: Meta): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify({ size, version }));
    await put(this.#store, `${await text_digest(url.href)}/${META}`, bytes).catch(() => undefined);
  }
}

async function folder_of(url: URL, { version, size }: Meta): Promise<string> {
  return text_digest(`${url.href}\n${version}\n${size}`);
}

/** The chunks of one version of a file. */
export class CacheEntry {
  readonly #store: CacheStore;
  readonly #folder: string;
  readonly #size: number;
  readonly #known: boolean;
  #full = false;

  /** `known`: some of it has been stored before. */
  constructor(store: CacheStore, folder: string, size: number, known: boolean) {
    this.#store = store;
    this.#folder = folder;
    this.#size = size;
    this.#known = known;
  }

  /** Numbers of the chunks that are there; of those that may be, where the runtime does not tell. */
  async held(): Promise<Set<number>> {
    const names = await this.#store.list(this.#folder).catch((): string[] => []);
    if (names === null) return new Set(this.#known ? Array(Math.ceil(this.#size / CHUNK)).keys() : []);
    return new Set(names.filter((name) => /^\d{1,7}$/.test(name)).map(Number));
  }

  /** A chunk of `bytes` bytes, the caller's own, or null where it is missing or damaged. */
  async get(index: number, bytes: number): Promise<Uint8Array | null> {
    const chunk = await get(this.#store, `${this.#folder}/${index}`);
    return chunk?.length === bytes ? chunk : null;
  }

  /** Whether the chunk is there now. After a failure (a full disk, a quota) nothing more of this file is stored. */
  async put(index: number, chunk: Uint8Array): Promise<boolean> {
    if (this.#full || this.#size === 0) return false;
    try {
      await put(this.#store, `${this.#folder}/${index}`, chunk);
      return true;
    } catch {
      this.#full = true;
      return false;
    }
  }

  async delete(): Promise<void> {
    await this.#store.delete(this.#folder).catch(() => undefined);
  }
}

async function put(store: CacheStore, key: string, bytes: Uint8Array): Promise<void> {
  const sealed = new Uint8Array(bytes.length + DIGEST);
  sealed.set(bytes);
  sealed.set(await digest(bytes), bytes.length);
  await store.put(key, sealed);
  free(sealed);
}

async function get(store: CacheStore, key: string): Promise<Uint8Array | null> {
  const sealed = await store.get(key).catch(() => null);
  if (sealed === null || sealed.length < DIGEST) return null;
  const bytes = sealed.subarray(0, -DIGEST);
  const sum = await digest(bytes);
  return sealed.subarray(-DIGEST).every((byte, i) => byte === sum[i]) ? bytes : null;
}

/**
 * Deletes everything that was kept of remote models: in the runtime's own place, or in the folder that loading was given as
 * `cache`. Other files in that folder stay, and so does the cache of other programs.
 */
export async function clear_cache({ cache }: { cache?: string | undefined } = {}): Promise<void> {
  const store = await platform.cache(cache);
  await store?.clear();
}
