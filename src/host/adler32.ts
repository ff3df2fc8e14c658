// The checksum at the end of zlib data.

const MODULUS = 65521;
/** Bytes after which the sums still fit in 32 bits. */
const MOST = 5552;

/** Adler-32 of `bytes` behind those whose checksum is `adler`; of nothing it is 1. */
export function adler32(bytes: Uint8Array, adler: number = 1): number {
  let a = adler & 0xffff;
  let b = adler >>> 16;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + MOST);
    for (; at < end; at++) {
      a += bytes[at]!;
      b += a;
    }
    a %= MODULUS;
    b %= MODULUS;
  }
  return ((b << 16) | a) >>> 0;
}
