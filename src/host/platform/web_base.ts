// Runtimes without a file system: models come as files or bytes, and PNG is decoded by fast-png.

import { AlignError, show } from '../errors.ts';
import { MAX_PIXELS, type Build, type Platform } from './platform.ts';
import { decode_png } from './web_png.ts';

function no_files(path: string): AlignError {
  return new AlignError('not_found', `${show(path)} cannot be opened: this runtime has no file system`, {
    hint: 'hand over bytes, a Blob or the files of the model',
  });
}

/** Bytes behind a URL, which may be relative to the page. @throws AlignError `network`, `invalid_argument`. */
export async function fetch_bytes(location: string | URL): Promise<Uint8Array> {
  const base = (globalThis as { location?: { href: string } }).location?.href;
  let url: URL;
  try {
    url = new URL(location, base);
  } catch (cause) {
    throw new AlignError('invalid_argument', `${show(String(location))} is not a URL`, { cause });
  }
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new AlignError('network', `${url.href} could not be fetched: ${String(cause)}`, { cause });
  }
  if (!response.ok) throw new AlignError('network', `${url.href}: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The platform of a runtime without a file system; `wasm` gives the package's own module, `jpeg` is the decoder's. */
export function web_platform(
  name: string,
  wasm: (build: Build) => Promise<WebAssembly.Module>,
  {
    jpeg = null,
    max_pixels = MAX_PIXELS,
    relaxed = false,
  }: { jpeg?: WebAssembly.Module | null; max_pixels?: number; relaxed?: boolean } = {},
): Platform {
  return {
    name,
    max_pixels,
    relaxed,
    wasm,
    jpeg_wasm: () => Promise.resolve(jpeg),
    webp: () => Promise.resolve(null),
    fetch_bytes,
    path_kind: () => Promise.resolve(null),
    open: (path) => Promise.reject(no_files(path)),
    write: (path) => Promise.reject(no_files(path)),
    embedded_model: () => null,
    decode_png,
  };
}
