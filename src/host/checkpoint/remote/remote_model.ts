// The files of a remote model: from the cache where that is still right, from huggingface_hub's, else from the server.

import { AlignError } from '../../errors.ts';
import { most_bytes } from '../body.ts';
import type { ByteSource } from '../source.ts';
import { Cache, type CacheOption, type Meta } from './cache.ts';
import { CHUNK, Download } from './download.ts';
import { HubCache } from './hub_cache.ts';
import { network_error, type HttpOptions } from './http.ts';
import type { Location, LocationOptions } from './location.ts';
import { RemoteFile } from './remote_file.ts';

/** What loading from a URL or a hub may be told. */
export interface RemoteOptions extends LocationOptions {
  readonly token?: string | undefined;
  readonly cache?: CacheOption | undefined;
  readonly local_files_only?: boolean | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** A file of the model: read from a server through the cache, or lying in huggingface_hub's. */
type Found = RemoteFile | { source(): Promise<ByteSource | null> };

export class RemoteModel {
  readonly name: string;
  readonly #location: Location;
  readonly #http: HttpOptions;
  readonly #offline: boolean;
  readonly #caches: Promise<readonly [Cache | null, HubCache | null]>;
  readonly #files = new Map<string, Promise<Found | null>>();

  /** @throws AlignError `invalid_argument` */
  constructor(location: Location, options: RemoteOptions) {
    const { token, cache, local_files_only = false, fetch = globalThis.fetch } = options;
    // Not shown: it is a secret.
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
      throw new AlignError('invalid_argument', 'token has characters that no token has', {
        detail: { option: 'token' },
        hint: 'give it without spaces and line ends',
      });
    this.name = local_files_only ? `the cache of ${location.name}` : location.name;
    this.#location = location;
    this.#http = {
      fetch,
      token: token === undefined ? undefined : { value: token, origin: location.origin },
    };
    this.#offline = local_files_only;
    const { hub } = location;
    const hub_cache = hub && cache !== false ? HubCache.open(hub.id, hub.revision) : Promise.resolve(null);
    this.#caches = Promise.all([Cache.open(cache), hub_cache]);
    // Whoever opens a file hears of it; perhaps nobody does.
    this.#caches.catch(() => undefined);
  }

  /** One source of a file, or null where the model has no such file. @throws AlignError `network`, `aborted` … */
  async open(file: string, signal: AbortSignal | undefined): Promise<ByteSource | null> {
    const found = await this.file(file, signal);
    return found && found.source();
  }

  /** A file, found once. */
  async file(file: string, signal: AbortSignal | undefined): Promise<Found | null> {
    const known = this.#files.get(file);
    const found = known ?? this.#find(file, signal);
    this.#files.set(file, found);
    // What failed is tried again by the next who asks.
    if (!known) found.catch(() => this.#files.delete(file));
    return found;
  }

  /** Frees what is in memory. */
  release(): void {
    for (const file of this.#files.values())
      file.then(
        (found) => found instanceof RemoteFile && found.release(),
        () => undefined,
      );
  }

  async #find(file: string, signal: AbortSignal | undefined): Promise<Found | null> {
    const [cache, hub_cache] = await this.#caches;
    const url = this.#location.url(file);
    const known = (await cache?.meta(url)) ?? null;
    const meta = known === 'absent' ? null : known;
    const { fixed } = this.#location;
    if (meta && (this.#offline || fixed)) return this.#cached(cache!, file, url, meta);
    const snapshot = hub_cache && { source: () => hub_cache.snapshot(file) };
    const there = await has_source(snapshot);
    if (there && (this.#offline || fixed)) return snapshot;
    if (this.#offline || (fixed && known === 'absent')) return null;
    let download: Download | null;
    try {
      // Where there may be a copy, a byte is enough to know whether it is still right.
      download = await Download.open(this.#http, url, meta || there ? 1 : CHUNK, most_bytes(file), signal);
    } catch (error) {
      if (!is_unreachable(error)) return this.#refused(file, error, signal);
      if (meta) return this.#cached(cache!, file, url, meta);
      if (there) return snapshot;
      if (known === 'absent' || (hub_cache && (await hub_cache.lacks(file)))) return null;
      throw error;
    }
    if (download === null) {
      await cache?.absent(url, meta);
      return null;
    }
    if (meta || there) download.close();
    const { version, size } = download;
    const current = await hub_cache?.current(file, download);
    if (hub_cache && current) {
      await current.close?.();
      download.close();
      const told = download;
      return { source: () => hub_cache.current(file, told) };
    }
    const entry = (await cache?.entry(url, { version, size }, meta)) ?? null;
    const origin = { name: download.name, size, entry, download: () => this.#again(file, url, download) };
    return RemoteFile.open(origin, download);
  }

  /** A file whose chunks are in the cache; those that are not come from the server, if it still has this version. */
  async #cached(cache: Cache, file: string, url: URL, meta: Meta): Promise<RemoteFile> {
    const entry = await cache.known_entry(url, meta);
    const name = `${this.name}: ${file}`;
    const origin = {
      name,
      size: meta.size,
      entry,
      download: async (signal: AbortSignal | undefined): Promise<Download> => {
        if (this.#offline)
          throw new AlignError(
            'not_found',
            `${name} is not whole, and local_files_only forbids to fetch the rest`,
            {
              detail: { file },
              hint: 'load it once without local_files_only',
            },
          );
        return this.#again(file, url, meta, signal);
      },
    };
    return RemoteFile.open(origin, null);
  }

  /** The file opened anew, if it is the one that it was. */
  async #again(file: string, url: URL, meta: Meta, signal?: AbortSignal): Promise<Download> {
    const download = await Download.open(this.#http, url, 1, most_bytes(file), signal);
    download?.close();
    if (download?.version === meta.version && download.size === meta.size) return download;
    this.#files.delete(file);
    throw network_error(`${this.name}: ${file} is ${download ? 'another one' : 'gone'} since it was opened`, {
      hint: 'load the model again',
    });
  }

  /** Storage that must not be listed refuses what it does not have. Then some other file can be read. */
  async #refused(file: string, error: unknown, signal: AbortSignal | undefined): Promise<null> {
    const denied = error instanceof AlignError && error.detail.status === 403;
    const listed = 'config.json';
    if (!denied || this.#location.single !== null || this.#location.hub || file === listed) throw error;
    const readable = await this.file(listed, signal).catch(() => null);
    if (readable === null) throw error;
    return null;
  }
}

async function has_source(found: { source(): Promise<ByteSource | null> } | null): Promise<boolean> {
  const source = (await found?.source()) ?? null;
  await source?.close?.();
  return source !== null;
}

/** Whether an error says that nobody answered, or only to say that he cannot now. */
function is_unreachable(error: unknown): boolean {
  return error instanceof AlignError && error.code === 'network' && error.detail.again !== undefined;
}
