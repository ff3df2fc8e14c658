// align-wasm/core, wherever it runs: whatever is not handed over is refused with the remedy.

import { AlignError, show } from '../errors.ts';
import { MAX_PIXELS, type Platform } from './platform.ts';
import { bitmap_pixels } from './web_bitmap.ts';
import { fetch_bytes } from './web_base.ts';

/** Node's file system without an import of it: Node from 20.16, Deno and Bun. */
interface FileSystem {
  readFile(path: URL): Promise<Uint8Array>;
}

function file_system(): FileSystem | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.('node:fs/promises') as FileSystem | undefined;
}

async function read_file(url: URL): Promise<Uint8Array> {
  try {
    return await file_system()!.readFile(url);
  } catch (cause) {
    throw new AlignError('not_found', `${url.href} cannot be read`, { hint: 'hand over its bytes', cause });
  }
}

function refused(what: string, hint: string): AlignError {
  return new AlignError('not_found', `align-wasm/core ${what}`, { hint });
}

/** What of a platform core comes to. */
type CorePlatform = Pick<
  Platform,
  | 'name'
  | 'max_pixels'
  | 'relaxed'
  | 'wasm'
  | 'fetch_bytes'
  | 'write'
  | 'embedded_model'
  | 'bitmap_pixels'
  | 'turn'
>;

export const platform: CorePlatform = {
  name: 'align-wasm/core',
  max_pixels: MAX_PIXELS,
  relaxed: false,
  wasm: () =>
    Promise.reject(
      refused('brings no align.wasm', 'pass the option wasm: a Module, bytes, a Response or a URL'),
    ),
  fetch_bytes: (location, limit) =>
    /^file:/i.test(String(location)) ? read_file(new URL(location)) : fetch_bytes(location, limit),
  write: (path) => Promise.reject(refused(`writes no files: ${show(path)}`, 'use align-wasm')),
  embedded_model: () => null,
  bitmap_pixels,
  turn: () => new Promise((resume) => setTimeout(resume)),
};
