// The PNG decoder of browsers and Workers beside pngjs: the same bytes for every kind of file that reaches them.

import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { RawImage } from '../../src/host/image.ts';
import { pictures as node } from '../../src/host/platform/node.ts';
import { decode_png } from '../../src/host/platform/web_png.ts';
import { KINDS, make_png, random_bytes, random_lines } from '../support/png.ts';

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
      const next = random_bytes(colour * 100 + depth * 2 + Number(interlaced));
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
  const lines = random_lines(kind, random_bytes(1));

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
