// zlib data by the web's own DecompressionStream.

import { adler32 } from '../adler32.ts';
import type { Pictures } from './platform.ts';

export const inflate: Pictures['inflate'] = async (parts, limit, take) => {
  const source = new Blob(parts as Uint8Array<ArrayBuffer>[]).stream();
  const reader = source.pipeThrough(new DecompressionStream('deflate')).getReader();
  let size = 0;
  let adler = 1;
  try {
    while (size <= limit) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      adler = adler32(value, adler);
      take(value);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  // What stands behind the data some runtimes pass over and others refuse; the data ends with its checksum.
  if (size <= limit && last_number(parts) !== adler) throw new Error('more follows its end');
  return size;
};

/** The last four bytes, which may stand in as many parts. */
function last_number(parts: readonly Uint8Array[]): number | null {
  const ends = parts.filter(({ length }) => length > 0).slice(-4);
  const last = ends.flatMap((part) => [...part.subarray(-4)]).slice(-4);
  return last.length < 4 ? null : new DataView(Uint8Array.from(last).buffer).getUint32(0);
}
