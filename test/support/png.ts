// Makes PNGs of every kind: random lines behind random filters, whatever they mean. Decoders must agree on all of them.

import { crc32, deflateSync } from 'node:zlib';

export interface Kind {
  width: number;
  height: number;
  colour: number;
  depth: number;
  interlaced: boolean;
}

export const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Colour types and the bit depths that each may have. */
export const KINDS: readonly (readonly [colour: number, depths: readonly number[]])[] = [
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
];

const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Random bytes, the same in every run (mulberry32). */
export function random_bytes(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) & 255;
  };
}

/** What a PNG of this kind holds before it is deflated. */
export function random_lines(
  { width, height, colour, depth, interlaced }: Kind,
  next: () => number,
): Uint8Array {
  const out: number[] = [];
  for (const [x, y, dx, dy] of interlaced ? PASSES : [[0, 0, 1, 1] as const]) {
    const [columns, rows] = [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)];
    if (columns <= 0 || rows <= 0) continue;
    const line = Math.ceil((columns * CHANNELS[colour]! * depth) / 8);
    for (let row = 0; row < rows; row++) {
      out.push(next() % 5);
      for (let i = 0; i < line; i++) out.push(next());
    }
  }
  return Uint8Array.from(out);
}

/** A chunk with its length and CRC. */
export function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** A PNG of zlib data in any number of parts; `colours` is a palette, `alpha` a tRNS chunk. */
export function make_png(
  kind: Kind,
  data: readonly Uint8Array[],
  colours?: Uint8Array,
  alpha?: Uint8Array,
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(kind.width, 0);
  header.writeUInt32BE(kind.height, 4);
  header.set([kind.depth, kind.colour, 0, 0, Number(kind.interlaced)], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...(colours ? [chunk('PLTE', colours)] : []),
    ...(alpha ? [chunk('tRNS', alpha)] : []),
    ...data.map((part) => chunk('IDAT', part)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** One of the kinds, with transparency or without, from a seed. */
export function random_png(seed: number, kind: Kind, transparent: boolean): Buffer {
  const next = random_bytes(seed);
  const { colour, depth } = kind;
  const colours = colour === 3 ? Uint8Array.from({ length: 3 << depth }, next) : undefined;
  const key = colour === 3 ? 1 << (depth - 1) : colour === 2 ? 6 : 2;
  const alpha = transparent
    ? Uint8Array.from({ length: key }, (_, i) => (colour !== 3 && depth < 16 && i % 2 === 0 ? 0 : next() % 2))
    : undefined;
  return make_png(kind, [deflateSync(random_lines(kind, next))], colours, alpha);
}

/** One small PNG of each colour type, depth and interlacing, with transparency and without, by a name for it. */
export function* all_kinds(): Generator<[name: string, png: Buffer]> {
  const [width, height] = [37, 29];
  for (const [colour, depths] of KINDS)
    for (const depth of depths)
      for (const interlaced of [false, true])
        for (const transparent of colour < 4 ? [false, true] : [false]) {
          const seed = colour * 1000 + depth * 4 + Number(interlaced) * 2 + Number(transparent);
          const name = `${colour}-${depth}${interlaced ? '-interlaced' : ''}${transparent ? '-transparent' : ''}`;
          yield [name, random_png(seed, { width, height, colour, depth, interlaced }, transparent)];
        }
}
