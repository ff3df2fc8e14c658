// What differs from runtime to runtime. One file in this folder implements it for each, as `platform`, `gpus` and `pictures`,
// apart so that a bundle takes what it needs; nothing else asks where it runs.

import type { FetchOptions } from '../checkpoint/body.ts';
import type { ModelFiles } from '../checkpoint/model_files.ts';
import type { Hasher } from '../checkpoint/remote/sha256.ts';
import type { ByteSource } from '../checkpoint/source.ts';
import type { WebGpu } from '../gpu.ts';
import type { RawPixels } from '../image.ts';
import type { WebpDecoder } from '../processor/webp.ts';

/** 4096 x 4096, 64 MiB of samples. */
export const MAX_PIXELS = 16_777_216;
/** 2048 x 2048, for runtimes that have 128 MB of memory in all. */
export const MAX_PIXELS_EDGE = 4_194_304;
/** Our own modules have some 100 KB. */
export const MAX_MODULE_BYTES: number = 2 ** 24;
/** What Cloudflare gives an isolate, and Vercel. */
export const MEMORY_EDGE = 128_000_000;

/** The builds of one source: with relaxed SIMD for `fast`, in a shared memory that it imports for `threads`. */
export type Build = 'exact' | 'fast' | 'exact_threads' | 'fast_threads';

/** A worker that runs wasm/thread.ts. */
export interface Thread {
  /** Hands over its work. */
  post(message: unknown): void;
  /** It no longer keeps the process alive. */
  unref(): void;
  /** Ends it; resolves when it is gone, where the runtime tells. */
  end(): Promise<void>;
}

/** What goes over to another thread instead of being copied. */
export type Transfer = ArrayBuffer | ImageBitmap;

/** A worker that runs offload/server.ts. */
export interface ModelWorker {
  post(message: unknown, transfer: Transfer[]): void;
  /** Whether it keeps the process alive. */
  ref(): void;
  unref(): void;
  end(): Promise<void>;
}

/** What is heard of a thread or a worker. */
export interface ThreadEvents {
  readonly message: (message: unknown) => void;
  /** It is gone, or could never be started. */
  readonly lost: (cause: unknown) => void;
}

/** Bytes under keys `folder/name`, each whole or not there. Everything may reject: a cache is survived. */
export interface CacheStore {
  /** For people: a folder's path, or the API. */
  readonly place: string;
  get(key: string): Promise<Uint8Array | null>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Names in a folder; null where the runtime does not tell. */
  list(folder: string): Promise<string[] | null>;
  delete(folder: string): Promise<void>;
  /** Deletes all that is ours. */
  clear(): Promise<void>;
}

export interface Platform {
  readonly name: string;
  /** Pixels that a picture's file may have where the caller sets no `max_pixels`. */
  readonly max_pixels: number;
  /** Bytes that a program has in all, where that is little: then buffers are given back before they are collected. */
  readonly memory_limit?: number;
  /** Whether the relaxed build comes along. */
  readonly relaxed: boolean;
  /** The package's own module, each build compiled once. */
  wasm(build: Build): Promise<WebAssembly.Module>;
  /** Starts a thread, where there can be any. */
  spawn?: (events: ThreadEvents) => Thread;
  /** Starts a worker for a model, where there can be any. */
  offload?: (events: ThreadEvents) => ModelWorker;
  /** One turn of the event loop: timers that are due fire, messages and requests are heard. */
  turn(): Promise<void>;
  /** Bytes behind a URL or path, at most `limit` (small files: a wasm module, a picture). */
  fetch_bytes(location: string | URL, limit: number, options?: FetchOptions): Promise<Uint8Array>;
  /** The kind of a local path, or null where there is nothing (or no file system). */
  path_kind(path: string): Promise<'file' | 'folder' | null>;
  /** A local file as a byte source. @throws AlignError `not_found`, for what is no regular file, too */
  open(path: string): Promise<ByteSource>;
  /** Writes a file whole or not at all (a temporary name, then a rename); creates folders. @throws AlignError `invalid_argument` */
  write(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>;
  /** The store for remote files in `folder`, by default the runtime's own place; null where there is none. */
  cache(folder?: string): Promise<CacheStore | null>;
  /** Where huggingface_hub keeps models, or null where there is no file system. */
  hub_folder(): string | null;
  /** SHA-256 of a stream. */
  hasher(): Hasher;
  /** The embedded model, or null where it must be imported. */
  embedded_model(): URL | ModelFiles | null;
  /** Samples of a bitmap that is open and not too large. @throws AlignError `unsupported_image`. */
  bitmap_pixels(bitmap: ImageBitmap): RawPixels;
}

/** A runtime's GPU. */
export interface Gpus {
  /** What runs models on it, where that comes along. */
  readonly webgpu: WebGpu | null;
  /** Null where there is none. @throws AlignError `gpu_unavailable` where it is there, but fails. */
  gpu(): Promise<GPU | null>;
  /** What to do where there is none. */
  readonly gpu_hint: string;
}

/** Where there is no GPU that anybody could be told to get. */
export const no_gpus: Gpus = {
  webgpu: null,
  gpu: () => Promise.resolve(null),
  gpu_hint: "use device 'wasm'",
};

/** A runtime's decoders of pictures. */
export interface Pictures {
  /** The JPEG decoder's module, or null where its script finds it by itself (bundlers see to that). */
  jpeg_wasm(): Promise<WebAssembly.Module | null>;
  /** The WebP decoder where it is installed, else null. */
  webp(): Promise<WebpDecoder | null>;
  /**
   * Calls `take` with each part of zlib data inflated, until more than `limit` bytes have come; resolves to how many did.
   * Rejects on damaged data, and where something follows it.
   */
  inflate(parts: readonly Uint8Array[], limit: number, take: (part: Uint8Array) => void): Promise<number>;
}

/** What `make` gives for a build, made at the first request. */
export function once<T>(made: Map<Build, T>, build: Build, make: (build: Build) => T): T {
  const value = made.get(build) ?? make(build);
  made.set(build, value);
  return value;
}

/** `navigator.gpu`, where there is one. Functions and workers have it too, older runtimes have no navigator. */
export function navigator_gpu(): GPU | null {
  return (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu ?? null;
}
