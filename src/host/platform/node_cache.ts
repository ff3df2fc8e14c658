// The cache folder of Node, Deno and Bun: one file a key, written under another name first, so that it is whole or not there
// whatever happens, in however many processes.

import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Hasher } from '../checkpoint/remote/sha256.ts';
import { make_folders } from './node_files.ts';
import type { CacheStore } from './platform.ts';

/** Everything of ours lies in a folder of this name, so that clearing takes nothing else. */
const OURS = 'chunks-1';

let written = 0;

/** The store in `folder`, by default the user's own place for such things. */
export function folder_cache(folder: string = default_folder()): CacheStore {
  const root = join(folder, OURS);
  return {
    place: root,
    async get(key) {
      return readFile(join(root, key)).catch(() => null);
    },
    async put(key, bytes) {
      const path = join(root, key);
      await make_folders(dirname(path));
      const partial = `${path}.${process.pid}.${written++}.partial`;
      try {
        await writeFile(partial, bytes);
        await rename(partial, path);
      } finally {
        await rm(partial, { force: true });
      }
    },
    list: (prefix) => readdir(join(root, prefix)),
    delete: (prefix) => rm(join(root, prefix), { recursive: true, force: true }),
    clear: () => rm(root, { recursive: true, force: true }),
  };
}

function default_folder(): string {
  const { ALIGN_WASM_CACHE, LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  if (ALIGN_WASM_CACHE) return ALIGN_WASM_CACHE;
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'align-wasm', 'cache');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'align-wasm');
  return join(XDG_CACHE_HOME ? XDG_CACHE_HOME : join(homedir(), '.cache'), 'align-wasm');
}

/** Where huggingface_hub keeps models (constants.py: HF_HUB_CACHE). */
export function hub_folder(): string {
  const { HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  if (HF_HUB_CACHE) return HF_HUB_CACHE;
  const home = HF_HOME
    ? HF_HOME
    : join(XDG_CACHE_HOME ? XDG_CACHE_HOME : join(homedir(), '.cache'), 'huggingface');
  return join(home, 'hub');
}

export function node_hasher(): Hasher {
  const hash = createHash('sha256');
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    hex: () => hash.digest('hex'),
  };
}
