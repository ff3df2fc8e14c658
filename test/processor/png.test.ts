// Our PNG decoder on both inflates, Node's and the web's, beside pngjs and fast-png: the same pixels for every kind of file.

import { deflateSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { pictures } from '../../src/host/platform/node.ts';
import { inflate as web_inflate } from '../../src/host/platform/web_inflate.ts';
import { read_png } from '../../src/host/processor/png.ts';
import { chunk, KINDS, make_png, random_bytes, random_lines, type Kind } from '../support/png.ts';
import { by_fast_png, by_pngjs } from '../support/png_oracles.ts';

const MAX_PIXELS = 2 ** 24;

afterEach(() => {
  vi.restoreAllMocks();
});

/** The pixels by Node's inflate and by the web's. */
async function read_both(png: Uint8Array): Promise<[Uint8Array, Uint8Array]> {
  const { data: node } = await read_png(png, MAX_PIXELS);
  const web = vi.spyOn(pictures, 'inflate').mockImplementation(web_inflate);
  const { data } = await read_png(png, MAX_PIXELS);
  web.mockRestore();
  return [node, data];
}

/** Sizes around the steps of Adam7 and around whole bytes. */
const SIZES = [[1, 1], [2, 3], [3, 9], [4, 4], [5, 1], [1, 6], [8, 8], [9, 7], [17, 13], [33, 40]] as const; // prettier-ignore

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
        const colours = colour === 3 ? Uint8Array.from({ length: 3 << depth }, next) : undefined;
        for (const alphas of colour === 3 ? [0, 1, 2, 256] : [0]) {
          const alpha = alphas > 0 ? Uint8Array.from({ length: alphas }, next) : undefined;
          const png = make_png(kind, parts, colours, alpha);
          const [node, web] = await read_both(png);
          expect(node).toEqual(by_pngjs(png));
          expect(web).toEqual(node);
          expect(by_fast_png(png) ?? node).toEqual(node);
        }
      }
    });
  },
);

test('a line that comes in many parts, and many lines in one', async () => {
  // Node hands over 1 MiB at a time, the web 16 KB.
  for (const [width, height] of [[300_000, 3], [3, 300_000]] as const) {
    const kind = { width, height, colour: 6, depth: 8, interlaced: false };
    const png = make_png(kind, [deflateSync(random_lines(kind, random_bytes(width)))]);
    const [node, web] = await read_both(png);
    expect(Buffer.compare(node, by_pngjs(png))).toBe(0);
    expect(Buffer.compare(web, node)).toBe(0);
  }
}); // prettier-ignore

const kind: Kind = { width: 20, height: 30, colour: 6, depth: 8, interlaced: false };
const lines = random_lines(kind, random_bytes(1));
const good = deflateSync(lines);

describe('damaged data', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['data that ends early', deflateSync(lines.subarray(0, -1)), /inflates to other than 2430 bytes/],
    ['data that is too long', deflateSync(Buffer.concat([lines, lines])), /inflates to other than 2430 bytes/],
    ['zlib data that is cut', good.subarray(0, 1000), /does not inflate/],
    ['zlib data without its checksum', good.subarray(0, -4), /does not inflate/],
    ['zlib data with more behind it', Buffer.concat([good, Buffer.from('more')]), /does not inflate/],
    ['data that is not zlib', lines, /does not inflate/],
    ['a filter that does not exist', deflateSync(new Uint8Array(lines.length).fill(5)), /has filter 5/],
  ])('%s is refused with both', async (_, data, message) => {
    const png = make_png(kind, [data]);
    const expected = { code: 'corrupt_image', message: expect.stringMatching(message) as string };
    await expect(read_png(png, MAX_PIXELS)).rejects.toMatchObject(expected);
    vi.spyOn(pictures, 'inflate').mockImplementation(web_inflate);
    await expect(read_png(png, MAX_PIXELS)).rejects.toMatchObject(expected);
  }); // prettier-ignore

  test.each(['node', 'web'])('a bomb is inflated no further than the picture: %s', async (name) => {
    const bomb = deflateSync(new Uint8Array(300 * 2 ** 20), { level: 9 });
    let size = 0;
    const inflate = name === 'web' ? web_inflate : pictures.inflate.bind(pictures);
    vi.spyOn(pictures, 'inflate').mockImplementation((parts, limit, take) =>
      inflate(parts, limit, (part) => {
        size += part.length;
        take(part);
      }),
    );
    await expect(read_png(make_png(kind, [bomb]), MAX_PIXELS)).rejects.toMatchObject({
      code: 'corrupt_image',
    });
    expect(size).toBeLessThan(2 ** 20);
  });

  test('a file too small for its pixels takes no memory for them', async () => {
    const inflate = vi.spyOn(pictures, 'inflate');
    const png = make_png({ ...kind, width: 4096, height: 4096 }, [good]);
    await expect(read_png(png, MAX_PIXELS)).rejects.toMatchObject({ code: 'corrupt_image' });
    expect(inflate).not.toHaveBeenCalled();
  });
});

test('the tallest picture, of 16,777,216 lines', async () => {
  const height = MAX_PIXELS;
  const filtered = new Uint8Array(4 * height);
  for (let y = 0; y < height; y++) filtered.set([2, 1, 2, 3], 4 * y);
  const tall: Kind = { width: 1, height, colour: 2, depth: 8, interlaced: false };
  const png = make_png(tall, [deflateSync(filtered, { level: 1 })]);
  const before = process.resourceUsage().maxRSS;
  const { data } = await read_png(png, MAX_PIXELS);
  expect((process.resourceUsage().maxRSS - before) * 1024).toBeLessThan(2 ** 29);
  const last = [height, 2 * height, 3 * height].map((sum) => sum & 255);
  expect([...data.subarray(-4)]).toEqual([...last, 255]);
});

test('of 2,000 compressed texts of a key the last alone is inflated', async () => {
  const head = Buffer.from('Raw profile type exif\0\0');
  const text = chunk('zTXt', Buffer.concat([head, deflateSync(new Uint8Array(2 ** 20), { level: 9 })]));
  const png = make_png(kind, [good]);
  const texts = new Array<Uint8Array>(2000).fill(text);
  const inflate = vi.spyOn(pictures, 'inflate');
  await read_png(Buffer.concat([png.subarray(0, 33), ...texts, png.subarray(33)]), MAX_PIXELS);
  expect(inflate).toHaveBeenCalledTimes(2);
});
