// Runtimes without a file system: models come as files or bytes.

import type { FetchOptions } from '../checkpoint/body.ts';
import { Sha256 } from '../checkpoint/remote/sha256.ts';
import { AlignError, show } from '../errors.ts';
import { fetch_url } from './fetch_url.ts';
import { MAX_PIXELS, type Build, type Pictures, type Platform } from './platform.ts';
import { bitmap_pixels } from './web_bitmap.ts';
import { web_cache } from './web_cache.ts';
import { inflate } from './web_inflate.ts';

function no_files(path: string): AlignError {
  return new AlignError('not_found', `${show(path)} cannot be opened: this runtime has no file system`, {
    hint: 'hand over bytes, a Blob or the files of the model',
  });
}

function no_folder(folder: string): AlignError {
  return new AlignError('invalid_argument', `cache ${show(folder)}: this runtime has no file system`, {
    hint: 'leave it out for the Cache API, or pass false for no cache',
  });
}

/** Bytes behind a URL, which may be relative to the page. @throws AlignError `network`, `too_large`, `aborted`, `invalid_argument`. */
export async function fetch_bytes(
  location: string | URL,
  limit: number,
  options?: FetchOptions,
): Promise<Uint8Array> {
  const base = (globalThis as { location?: { href: string } }).location?.href;
  let url: URL;
  try {
    url = new URL(location, base);
  } catch (cause) {
    throw new AlignError('invalid_argument', `${show(String(location))} is not a URL`, { cause });
  }
  return fetch_url(url, limit, options);
}

/** Decoders: the script of the one for JPEG finds its module by itself. */
export const web_pictures: Pictures = {
  jpeg_wasm: () => Promise.resolve(null),
  webp: () => Promise.resolve(null),
  inflate,
};

/** The platform of a runtime without a file system; `wasm` gives the package's own module. */
export function web_platform(
  name: string,
  wasm: (build: Build) => Promise<WebAssembly.Module>,
  { max_pixels = MAX_PIXELS, relaxed = false }: { max_pixels?: number; relaxed?: boolean } = {},
): Platform {
  return {
    name,
    max_pixels,
    relaxed,
    wasm,
    turn: () => new Promise((resume) => setTimeout(resume)),
    fetch_bytes,
    path_kind: () => Promise.resolve(null),
    open: (path) => Promise.reject(no_files(path)),
    write: (path) => Promise.reject(no_files(path)),
    cache: (folder) => (folder === undefined ? web_cache() : Promise.reject(no_folder(folder))),
    hub_folder: () => null,
    hasher: () => new Sha256(),
    embedded_model: () => null,
    bitmap_pixels,
  };
}
