// SHA-256 (FIPS 180-4): the runtime's where it has one for whole buffers, our own for streams.

/** A hash of bytes that come one after another. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** 64 hexadecimal digits. */
  hex(): string;
}

/** The SHA-256 of bytes at hand. Pages without https have no crypto.subtle. */
export async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (subtle) return new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  const hasher = new Sha256();
  hasher.update(bytes);
  return hasher.digest();
}

/** The SHA-256 of a text in UTF-8, in hexadecimal digits. */
export async function text_digest(text: string): Promise<string> {
  return to_hex(await digest(new TextEncoder().encode(text)));
}

export function to_hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The fractions of the cube roots of the first 64 primes. */
const K: readonly number[] = root_fractions(64, 3);
/** The same of the square roots of the first eight. */
const INITIAL: readonly number[] = root_fractions(8, 2);

/** 32 bits behind the point of the roots of the first primes: floor(prime^(1/degree) · 2^32) mod 2^32, found in integers. */
function root_fractions(count: number, degree: 2 | 3): number[] {
  const fractions: number[] = [];
  for (let n = 2; fractions.length < count; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor <= n) continue;
    const target = BigInt(n) << BigInt(32 * degree);
    let root = 0n;
    for (let bit = 1n << 36n; bit > 0n; bit >>= 1n) {
      const next = root | bit;
      if (next ** BigInt(degree) <= target) root = next;
    }
    fractions.push(Number(root & 0xffff_ffffn) | 0);
  }
  return fractions;
}

export class Sha256 implements Hasher {
  readonly #state = Int32Array.from(INITIAL);
  readonly #words = new Int32Array(64);
  readonly #rest = new Uint8Array(64);
  #size = 0;

  update(bytes: Uint8Array): void {
    let at = 0;
    const filled = this.#size % 64;
    this.#size += bytes.length;
    if (filled > 0) {
      at = Math.min(64 - filled, bytes.length);
      this.#rest.set(bytes.subarray(0, at), filled);
      if (filled + at < 64) return;
      this.#block(this.#rest, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.#block(bytes, at);
    this.#rest.set(bytes.subarray(at));
  }

  digest(): Uint8Array {
    const bits = BigInt(this.#size) * 8n;
    const padding = new Uint8Array(((119 - (this.#size % 64)) % 64) + 9);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, bits);
    this.update(padding);
    const out = new Uint8Array(32);
    this.#state.forEach((word, i) => new DataView(out.buffer).setInt32(4 * i, word));
    return out;
  }

  hex(): string {
    return to_hex(this.digest());
  }

  #block(bytes: Uint8Array, at: number): void {
    const w = this.#words;
    for (let i = 0; i < 16; i++, at += 4)
      w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.#state as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => (this.#state[i] = (this.#state[i]! + value) | 0));
  }
}
