// The PNG decoder of browsers and Workers beside pngjs: the same bytes for every kind of file that reaches them.

import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { RawImage } from '../../src/host/image.ts';
import { platform as node } from '../../src/host/platform/node.ts';
import { decode_png } from '../../src/host/platform/web_png.ts';

const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const KINDS: [colour: number, depths: number[]][] = [
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
];
/** Sizes around the steps of Adam7 and around whole bytes. */
const SIZES: [number, number][] = [
  [1, 1],
  [2, 3],
  [3, 9],
  [4, 4],
  [5, 1],
  [1, 6],
  [8, 8],
  [9, 7],
  [17, 13],
  [33, 40],
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
function randomness(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) & 255;
  };
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

interface Kind {
  width: number;
  height: number;
  colour: number;
  depth: number;
  interlaced: boolean;
}

/** Lines of random bytes behind random filters: whatever they mean, decoders must agree on it. */
function random_lines({ width, height, colour, depth, interlaced }: Kind, next: () => number): Uint8Array {
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

function make_png(kind: Kind, data: readonly Uint8Array[], colours?: Uint8Array, alpha?: Uint8Array): Buffer {
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

async function expect_equal(png: Uint8Array): Promise<void> {
  const expected = await node.decode_png(png);
  const actual = await decode_png(png);
  expect([actual.width, actual.height]).toEqual([expected.width, expected.height]);
  expect(actual.data.BYTES_PER_ELEMENT).toBe(expected.data.BYTES_PER_ELEMENT);
  expect(actual.data.length).toBe(expected.data.length);
  expect(actual.data.every((value, i) => value === expected.data[i])).toBe(true);
}

describe.each(KINDS.flatMap(([colour, depths]) => depths.map((depth) => ({ colour, depth }))))(
  'colour type $colour, $depth bits',
  ({ colour, depth }) => {
    test.each([false, true])('interlaced: %s', async (interlaced) => {
      const next = randomness(colour * 100 + depth * 2 + Number(interlaced));
      for (const [width, height] of SIZES) {
        const kind = { width, height, colour, depth, interlaced };
        const data = deflateSync(random_lines(kind, next));
        const cut = next() % data.length;
        const parts = [data.subarray(0, cut), data.subarray(cut)];
        if (colour !== 3) await expect_equal(make_png(kind, parts));
        else
          for (const alphas of [0, 1, 2, 256]) {
            const colours = Uint8Array.from({ length: 768 }, next);
            const alpha = Uint8Array.from({ length: alphas }, next);
            await expect_equal(make_png(kind, parts, colours, alphas > 0 ? alpha : undefined));
          }
      }
    });
  },
);

describe('damaged data', () => {
  const kind = { width: 20, height: 30, colour: 6, depth: 8, interlaced: false };
  const lines = random_lines(kind, randomness(1));

  test.each([
    ['data that ends early', deflateSync(lines.subarray(0, -1))],
    ['zlib data that is cut', deflateSync(lines).subarray(0, 1000)],
    ['data that is not zlib', lines],
    ['a filter that does not exist', deflateSync(new Uint8Array(lines.length).fill(5))],
  ])('%s is refused, here and with pngjs', async (_, data) => {
    const png = make_png(kind, [data]);
    await expect(decode_png(png)).rejects.toThrow();
    await expect(RawImage.read(png)).rejects.toMatchObject({ code: 'corrupt_image' });
  });

  test('a bomb is inflated no further than the picture', async () => {
    const bomb = deflateSync(new Uint8Array(300 * 2 ** 20), { level: 9 });
    const { data } = await decode_png(make_png(kind, [bomb]));
    expect(data.length).toBe(20 * 30 * 4);
  });
});
