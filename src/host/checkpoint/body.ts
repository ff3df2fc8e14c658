// The bytes of a response, counted as they come, and read no further than a limit.

import { stream_bytes, too_large } from '../stream.ts';
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
