// Node, Deno and Bun, which all have Node's built-ins: the file system, and the files that lie beside this module in the
// package. Nothing is read before it is asked for, so Deno needs no permission where module and model are handed over.

import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers';
import { Worker, type Transferable as NodeTransferable } from 'node:worker_threads';
import { createInflate } from 'node:zlib';
import { file_path } from '../checkpoint/source.ts';
import { AlignError } from '../errors.ts';
import { emscripten_options } from '../processor/emscripten.ts';
import type { WebpDecoder } from '../processor/webp.ts';
import { fetch_url } from './fetch_url.ts';
import { folder_cache, hub_folder, node_hasher } from './node_cache.ts';
import { open_file, path_kind, read_file, write_file } from './node_files.ts';
import {
  MAX_PIXELS,
  once,
  type Build,
  type ModelWorker,
  type Pictures,
  type Platform,
  type Thread,
  type ThreadEvents,
} from './platform.ts';

const FILES: Readonly<Record<Build, string>> = {
  exact: 'align.wasm',
  fast: 'align.relaxed.wasm',
  exact_threads: 'align.threads.wasm',
  fast_threads: 'align.relaxed.threads.wasm',
};

const compiled = new Map<Build, Promise<WebAssembly.Module>>();
let jpeg: Promise<WebAssembly.Module> | undefined;
let webp: Promise<WebpDecoder | null> | undefined;

/** A file of the package. From JSR they lie on its server. */
async function read_own(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  if (url.protocol === 'file:') return new Uint8Array(await readFile(url));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Not from JSR. */
const FROM_FILE = import.meta.url.startsWith('file:');

/** dist/, from the sources or from dist/platform/ itself. */
const DIST = import.meta.url.endsWith('.ts') ? '../../../dist/' : '../';

async function compile_own(build: Build): Promise<WebAssembly.Module> {
  const file = FILES[build];
  try {
    return await WebAssembly.compile(await read_own(new URL(DIST + file, import.meta.url)));
  } catch (cause) {
    compiled.delete(build);
    throw new AlignError('not_found', `${file} cannot be read: ${String(cause)}`, {
      hint: 'npm run build, allow reading, or hand the module over as the option `wasm`',
      cause,
    });
  }
}

/** Runs a script of the built package, which lies in `folder`. */
function start(script: string, folder: string, events: ThreadEvents): Worker {
  // The process's own flags, --input-type among them, are not for a file.
  const worker = new Worker(new URL(folder + script, import.meta.url), { execArgv: [] });
  worker.on('message', (message) => events.message(message));
  worker.on('error', (cause) => events.lost(cause));
  worker.on('exit', (code) => events.lost(new Error(`it exited with ${code}`)));
  return worker;
}

async function end(worker: Worker): Promise<void> {
  await worker.terminate();
}

function spawn(folder: string, events: ThreadEvents): Thread {
  const worker = start('node_thread.js', folder, events);
  return {
    post: (message) => worker.postMessage(message),
    unref: () => worker.unref(),
    end: () => end(worker),
  };
}

function offload(folder: string, events: ThreadEvents): ModelWorker {
  const worker = start('node_worker.js', folder, events);
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as readonly NodeTransferable[]),
    ref: () => worker.ref(),
    unref: () => worker.unref(),
    end: () => end(worker),
  };
}

/** A module that lies in another package; where a bundle took the packages in, a copy of it beside the bundle. */
async function compile_from(place: string): Promise<WebAssembly.Module> {
  const installed = async (): Promise<Uint8Array> => readFile(createRequire(import.meta.url).resolve(place));
  const beside = new URL(place.slice(place.lastIndexOf('/') + 1), import.meta.url);
  const bytes = await installed().catch((cause: unknown) =>
    readFile(beside).catch(() => {
      throw cause as Error;
    }),
  );
  return WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
}

async function compile_jpeg(): Promise<WebAssembly.Module> {
  try {
    return await compile_from('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm');
  } catch (cause) {
    jpeg = undefined;
    throw new AlignError('not_found', `The JPEG decoder cannot be read: ${String(cause)}`, {
      hint: 'install @jsquash/jpeg beside this package, and allow reading it',
      cause,
    });
  }
}

/** The optional peer dependency. It would fetch its own module, which these runtimes cannot do from a file. */
async function load_webp(): Promise<WebpDecoder | null> {
  try {
    const module = await compile_from('@jsquash/webp/codec/dec/webp_dec.wasm');
    const { default: decode, init } = await import('@jsquash/webp/decode.js');
    await init(emscripten_options(module));
    return decode;
  } catch {
    webp = undefined;
    return null;
  }
}

/** Decoders with Node's zlib behind them. */
export const node_pictures: Pictures = {
  // Only files find what lies in other packages; from JSR the decoder's script fetches it from beside itself.
  jpeg_wasm: () => (FROM_FILE ? (jpeg ??= compile_jpeg()) : Promise.resolve(null)),
  webp: () => (webp ??= load_webp()),
  // Twice as fast as DecompressionStream, which hands over 16 KB at a time.
  async inflate(parts, limit, take) {
    const data = Buffer.concat(parts);
    const stream = createInflate({ chunkSize: Math.max(64, Math.min(limit + 1, 2 ** 20)) });
    stream.end(data);
    let size = 0;
    for await (const part of stream as AsyncIterable<Uint8Array>) {
      size += part.length;
      take(part);
      if (size > limit) return size;
    }
    if (stream.bytesWritten < data.length) throw new Error('more follows its end');
    return size;
  },
};

/** The platform of a runtime with Node's built-ins. `folder`: where the scripts of its workers are, from this one. */
export function node_platform(name: string, folder = `${DIST}platform/`): Platform {
  const workers: Pick<Platform, 'spawn' | 'offload'> = {
    spawn: (events) => spawn(folder, events),
    offload: (events) => offload(folder, events),
  };
  return {
    name,
    max_pixels: MAX_PIXELS,
    relaxed: true,
    wasm: (build) => once(compiled, build, compile_own),
    // Workers are started from files alone: there are none from JSR.
    ...(FROM_FILE ? workers : {}),
    turn: () => new Promise((resume) => setImmediate(resume)),

    async fetch_bytes(location, limit, options = {}) {
      const url = location instanceof URL ? location : URL.canParse(location) ? new URL(location) : null;
      if (url !== null && url.protocol !== 'file:') return fetch_url(url, limit, options);
      return read_file(url === null ? (location as string) : file_path(url), limit, options.signal);
    },
    path_kind,
    open: open_file,
    write: write_file,

    cache: (folder) => Promise.resolve(folder_cache(folder)),
    hub_folder,
    hasher: node_hasher,

    embedded_model() {
      // Built, one file in dist/; from the sources, the folder that it is copied from.
      const place = import.meta.url.endsWith('.ts') ? '../../../weights/align-icons/' : '../align-icons.bin';
      return new URL(place, import.meta.url);
    },

    bitmap_pixels() {
      // Deno makes bitmaps, but has no canvas that would give their samples back.
      throw new AlignError(
        'unsupported_image',
        `An ImageBitmap cannot be read in ${name}: it has no canvas`,
        {
          hint: 'pass the bytes of the file, or its samples as { data, width, height, channels }',
        },
      );
    },
  };
}
