// Node: the file system, and the files that lie beside this module in the package.

import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { check_range, type ByteSource } from '../checkpoint/source.ts';
import { AlignError } from '../errors.ts';
import type { Platform } from './platform.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

/** align.wasm lies in dist/, one folder above this module once built; from the sources it is found there too. */
async function compile_own(): Promise<WebAssembly.Module> {
  for (const place of ['../align.wasm', '../../../dist/align.wasm']) {
    const path = fileURLToPath(new URL(place, import.meta.url));
    if (await is_file(path)) return WebAssembly.compile(await readFile(path));
  }
  throw new AlignError('not_found', 'align.wasm is not beside the package', { hint: 'npm run build' });
}

async function is_file(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isFile(),
    () => false,
  );
}

export const platform: Platform = {
  name: 'node',
  wasm: () => (compiled ??= compile_own()),

  async fetch_bytes(location) {
    const url = location instanceof URL ? location : URL.canParse(location) ? new URL(location) : null;
    if (url !== null && url.protocol !== 'file:') {
      const response = await fetch(url);
      if (!response.ok) throw new AlignError('network', `${url.href}: HTTP ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    }
    const path = url === null ? (location as string) : fileURLToPath(url);
    return readFile(path).catch((cause: unknown) => {
      throw new AlignError('not_found', `${path} cannot be read`, { cause });
    });
  },

  async path_kind(path) {
    return stat(path).then(
      (s) => (s.isDirectory() ? 'folder' : 'file'),
      () => null,
    );
  },

  async open(path) {
    const handle = await open(path, 'r').catch((cause: unknown) => {
      throw new AlignError('not_found', `${path} cannot be opened`, { cause });
    });
    const { size } = await handle.stat();
    const source: ByteSource = {
      name: path,
      size,
      async read(start, end) {
        check_range(source, start, end);
        const bytes = new Uint8Array(end - start);
        await source.read_into!(start, bytes);
        return bytes;
      },
      async read_into(start, target) {
        check_range(source, start, start + target.length);
        for (let done = 0; done < target.length;) {
          const { bytesRead } = await handle.read(target, done, target.length - done, start + done);
          if (bytesRead === 0)
            throw new AlignError('corrupt_checkpoint', `${path} became shorter while it was read`);
          done += bytesRead;
        }
      },
      close: () => handle.close(),
    };
    return source;
  },

  async write(path, chunks) {
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.${process.pid}.partial`;
    try {
      await writeFile(temporary, Readable.from(chunks));
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  },

  embedded_model() {
    // From dist/platform/ and from src/host/platform/ alike.
    const depth = import.meta.url.endsWith('.ts') ? '../../../' : '../../';
    return new URL(`${depth}weights/align-icons/`, import.meta.url);
  },

  decode_png(bytes) {
    const { width, height, data } = PNG.sync.read(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    );
    return { width, height, data };
  },
};
