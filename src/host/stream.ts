// The bytes of a stream, as far as they are wanted.

import { bytes_of } from './bytes.ts';
import { AlignError, show, throw_if_aborted } from './errors.ts';
import { pause_every, YIELD_MS } from './pause.ts';

/** Parts smaller than this are gathered: a stream may come byte by byte. */
const BLOCK = 2 ** 16;

/**
 * All bytes of `stream`, which messages call `name`; `came` hears how many there are. Where it is not read to its end it is
 * cancelled; its lock is released.
 * @throws AlignError `too_large`, `network` where it breaks off, `invalid_argument` for what are no bytes, `aborted`
 */
export async function stream_bytes(
  name: string,
  stream: ReadableStream<Uint8Array>,
  limit: number,
  signal: AbortSignal | undefined,
  came: (loaded: number) => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  // Ends a read that waits, too: it finds the stream done. Nobody waits for it, as it need never end.
  const stop = (): void => void reader.cancel(signal?.reason).catch(() => undefined);
  signal?.addEventListener('abort', stop);
  const broke_off = (cause: unknown): never => {
    throw_if_aborted(signal);
    throw new AlignError('network', `${name} broke off: ${String(cause)}`, { cause });
  };
  const pause = pause_every(YIELD_MS, signal);
  const blocks: Uint8Array[] = [];
  let room = new Uint8Array(0); // what is free of the last block
  let size = 0;
  try {
    for (;;) {
      throw_if_aborted(signal);
      const { done, value } = await reader.read().catch(broke_off);
      throw_if_aborted(signal);
      if (done) return joined(blocks, size);
      const part = bytes_of(value);
      if (part === null)
        throw new AlignError('invalid_argument', `${name} is a stream of ${show(value)}, not of bytes`);
      size += part.length;
      if (size > limit) throw too_large(name, limit);
      const fitting = part.subarray(0, room.length);
      room.set(fitting);
      room = room.subarray(fitting.length);
      if (fitting.length < part.length) {
        const rest = part.subarray(fitting.length);
        const block = new Uint8Array(Math.max(BLOCK, rest.length));
        block.set(rest);
        blocks.push(block);
        room = block.subarray(rest.length);
      }
      came(size);
      // Parts that are there at once, empty ones without end, would keep timers and events waiting.
      await pause();
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
    reader.releaseLock();
  }
}

/** The error for more bytes than there may be. */
export function too_large(name: string, limit: number): AlignError {
  return new AlignError('too_large', `${name} has more than ${limit} bytes`, {
    detail: { file: name, limit },
  });
}

/** The first `size` bytes of `blocks`, of which all but the last are full. */
function joined(blocks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const block of blocks) {
    bytes.set(block.subarray(0, size - at), at);
    at += block.length;
  }
  return bytes;
}
