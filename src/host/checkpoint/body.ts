// Bytes that come one part after another: counted, and read no further than a limit.

import { unless_aborted } from '../abort.ts';
import { AlignError } from '../errors.ts';
import { MAX_TEXT_BYTES } from './json.ts';

/** Hears how many bytes of all have come. */
export type Arrived = (loaded: number, total: number) => void;

/** What reading bytes that come may be told. */
export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told where the server says how long the file is, and it is not packed. */
  readonly arrived?: Arrived | undefined;
}

/** What a memory of WebAssembly can have: no file that has to be held whole is larger. */
export const MAX_FILE_BYTES: number = 2 ** 32;

/** The most bytes that a model's file can have where only its end tells how long it is. */
export function most_bytes(file: string): number {
  return /\.(json|txt)$/i.test(file) ? MAX_TEXT_BYTES : MAX_FILE_BYTES;
}

export function too_large(name: string, limit: number): AlignError {
  return new AlignError('too_large', `${name} has more than ${limit} bytes`, {
    detail: { file: name, limit },
  });
}

/** All bytes of a stream, which is ended where it goes on behind `limit`. @throws AlignError `too_large`, `network`, `aborted` */
export async function stream_bytes(
  name: string,
  stream: ReadableStream<Uint8Array>,
  limit: number,
  signal: AbortSignal | undefined,
  came: (loaded: number) => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  const broke_off = (cause: unknown): never => {
    if (cause instanceof AlignError) throw cause;
    throw new AlignError('network', `${name} broke off: ${String(cause)}`, { cause });
  };
  try {
    for (;;) {
      const { done, value } = await unless_aborted(reader.read(), signal).catch(broke_off);
      if (done) break;
      parts.push(value);
      size += value.length;
      if (size > limit) throw too_large(name, limit);
      came(size);
    }
  } finally {
    // Nobody waits for it: it may be the caller's own, and need never end.
    reader.cancel().catch(() => undefined);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The body of `response`. @throws AlignError `too_large`, `network`, `aborted` */
export async function body_bytes(
  { body, headers, url }: Response,
  limit: number,
  { signal, arrived }: FetchOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null) return new Uint8Array(0);
  const total = headers.has('content-encoding') ? 0 : Number(headers.get('content-length'));
  if (total > limit) {
    body.cancel().catch(() => undefined);
    throw too_large(url, limit);
  }
  return stream_bytes(url, body, limit, signal, (loaded) => {
    if (total > 0) arrived?.(Math.min(loaded, total), total);
  });
}
