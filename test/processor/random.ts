// The inputs of test/golden/processor.py that are not stored: the same numbers, texts, pictures and vocabulary.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A golden of test/golden/processor. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the file
export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../golden/processor/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** The first 16 digits of a SHA-256. */
export function digest(...parts: (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}

/** A hash of a counter, 32 bits. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  number(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let x = this.#state;
    x ^= x >>> 16;
    x = Math.imul(x, 0x7feb352d);
    x ^= x >>> 15;
    x = Math.imul(x, 0x846ca68b);
    x ^= x >>> 16;
    return x >>> 0;
  }

  below(n: number): number {
    return this.number() % n;
  }

  choice<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.number() >>> 24);
  }
}

export const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const RANGES: readonly (readonly [number, number])[] = [
  [0x20, 0x7f],
  [0x20, 0x7f],
  [0x0, 0x300],
  [0xc0, 0x250],
  [0x300, 0x370],
  [0x370, 0x600],
  [0x900, 0xe00],
  [0xf00, 0x1000],
  [0x1d00, 0x2000],
  [0x2000, 0x2100],
  [0x3040, 0x3100],
  [0x4e00, 0xa000],
  [0xac00, 0xd7a4],
  [0xf900, 0xfb50],
  [0xfe00, 0x10000],
  [0x10000, 0x20000],
  [0x1d150, 0x1d1d0],
  [0x20000, 0x30000],
  [0x2f800, 0x2fa20],
  [0, 0x110000],
];
const KEPT_MARKS = [
  0x302e, 0x302f, 0x1d165, 0x1d166, 0x1d16d, 0x1e944, 0x1e000, 0x8d4, 0x1134d, 0x1b44, 0x1dfb, 0xa953,
];
const WORDS = [
  ...['red', 'cat', 'Caf\u00e9', '\u0130STANBUL', '\u01c5', '\u00df', '\u0391\u03a3', "don't"],
  ...['hello-world', '[MASK]', '[CLS]', ' [SEP] ', '[UNK]', '[PAD]', '[mask]', '##a', '  ', '\t\n'],
];

function is_surrogate(c: number): boolean {
  return c >= 0xd800 && c < 0xe000;
}

/** A text of characters from all over Unicode. */
export function random_text(random: Random): string {
  const piece = (): string => {
    const kind = random.below(8);
    if (kind === 0) return random.choice(WORDS);
    if (kind === 1) return String.fromCodePoint(random.choice(KEPT_MARKS));
    if (kind === 2) return ' ';
    const [first, end] = random.choice(RANGES);
    const c = first + random.below(end - first);
    return is_surrogate(c) ? '\ufffd' : String.fromCodePoint(c);
  };
  return Array.from({ length: random.choice([1, 2, 3, 5, 8, 13, 30]) }, piece).join('');
}

/** About 120,000 single characters, alone and as continuations. */
export function wide_vocabulary(): Map<string, number> {
  const vocab = new Map<string, number>();
  const add = (token: string): void => {
    if (!vocab.has(token)) vocab.set(token, vocab.size);
  };
  [...SPECIAL, 'red', 'cat', 're', '##d', '##at', 'cafe', 'hello'].forEach(add);
  const random = new Random(1);
  for (let c = 0; c < 0x30000; c++) {
    for (const prefix of ['', '##']) {
      const keep = random.below(10) < 3;
      if (keep && !is_surrogate(c)) add(prefix + String.fromCodePoint(c));
    }
  }
  return vocab;
}

/** Noise, hard edges, or a ramp: rows of interleaved samples. */
export function picture(random: Random, width: number, height: number, channels: number): Uint8Array {
  const kind = random.below(3);
  if (kind === 2)
    return Uint8Array.from({ length: width * height * channels }, (_, i) => {
      const pixel = Math.floor(i / channels);
      return Math.floor(pixel / width) * 3 + (pixel % width) * 2;
    });
  const noise = random.bytes(width * height * channels);
  return kind === 0 ? noise : noise.map((sample) => (sample < 128 ? 0 : 255));
}
