// Pictures against Pillow (test/golden/processor.py): every kind of PNG, its orientation, its transparency; all the forms
// that a picture comes in; and damaged files.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { RawImage, type ImageInput } from '../../src/host/image.ts';
import { digest, golden } from './random.ts';

type Case = [
  colour: number,
  depth: number,
  interlaced: boolean,
  file: string,
  width: number,
  height: number,
  rgb: string,
  laid: string | null,
];
const { ground, cases } = golden<{ ground: [number, number, number]; cases: Case[] }>('png');

function bytes_of(file: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(file, 'base64'));
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** A PNG of 8-bit samples whose lines have no filter; `data` and `extra` replace or add chunks. */
function make_png(
  { width, height, colour = 6 }: { width: number; height: number; colour?: number },
  samples: Uint8Array,
  { data, interlaced = 0 }: { data?: Uint8Array; interlaced?: number } = {},
): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colour, 0, 0, interlaced], 8);
  const stride = samples.length / height;
  const lines = Buffer.alloc(samples.length + height);
  for (let y = 0; y < height; y++)
    lines.set(samples.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  return Uint8Array.from(
    Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', header),
      chunk('IDAT', data ?? deflateSync(lines)),
      chunk('IEND', new Uint8Array(0)),
    ]),
  );
}

/** A copy with one bit changed. */
function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at]! ^= 1 << (at % 8);
  return copy;
}

const SAMPLES = Uint8Array.of(255, 0, 0, 255, 0, 255, 0, 0, 0, 0, 255, 128, 9, 8, 7, 1);
const RGB = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7);
const SMALL = make_png({ width: 2, height: 2 }, SAMPLES);

describe('RawImage.read', () => {
  it(`decodes ${cases.length} PNGs as Pillow, turned upright and converted to RGB`, async () => {
    expect(cases.length).toBeGreaterThanOrEqual(200);
    for (const [colour, depth, interlaced, file, width, height, rgb] of cases) {
      const image = await RawImage.read(bytes_of(file));
      const what = `colour type ${colour}, ${depth} bits, interlaced: ${interlaced}`;
      expect([image.width, image.height, image.channels], what).toEqual([width, height, 3]);
      expect(digest(image.data), what).toBe(rgb);
    }
  });

  it('lays transparent pictures on a ground as Pillow does', async () => {
    const laid_cases = cases.filter(([, , , , , , , laid]) => laid !== null);
    expect(laid_cases.length).toBeGreaterThanOrEqual(100);
    for (const [colour, depth, , file, , , , laid] of laid_cases) {
      const image = await RawImage.read(bytes_of(file), { background: ground });
      expect(digest(image.data), `colour type ${colour}, ${depth} bits`).toBe(laid);
    }
  });

  it('reads every form that a file comes in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'align-'));
    const path = join(folder, 'a picture.png');
    await writeFile(path, SMALL);
    const stream = (): ReadableStream<Uint8Array> => new Blob([SMALL]).stream();
    const inputs: ImageInput[] = [
      path,
      pathToFileURL(path),
      pathToFileURL(path).href,
      `data:image/png;base64,${Buffer.from(SMALL).toString('base64')}`,
      SMALL,
      SMALL.buffer,
      Buffer.concat([Buffer.alloc(3), SMALL]).subarray(3),
      new Blob([SMALL]),
      new Response(SMALL),
      new Response(stream()),
      stream(),
    ];
    for (const input of inputs) expect((await RawImage.read(input)).data).toEqual(RGB);
    await rm(folder, { recursive: true });
  });

  it('takes raw samples of 1 to 4 channels', async () => {
    const shape = { width: 1, height: 2 };
    const read = async (channels: number, ...samples: number[]): Promise<number[]> => [
      ...(
        await RawImage.read(
          { ...shape, channels, data: Uint8Array.from(samples) },
          { background: [100, 0, 0] },
        )
      ).data,
    ];
    expect(await read(1, 7, 9)).toEqual([7, 7, 7, 9, 9, 9]);
    expect(await read(2, 7, 255, 9, 0)).toEqual([7, 7, 7, 100, 0, 0]);
    expect(await read(3, 1, 2, 3, 4, 5, 6)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await read(4, 1, 2, 3, 255, 200, 5, 6, 128)).toEqual([1, 2, 3, 150, 3, 3]);
    // As a canvas gives them: RGBA in a clamped array, no channel count.
    const image_data = { ...shape, data: Uint8ClampedArray.of(1, 2, 3, 0, 4, 5, 6, 0) };
    expect([...(await RawImage.read(image_data)).data]).toEqual([1, 2, 3, 4, 5, 6]);
    const grey = await RawImage.read(
      { ...shape, channels: 1, data: Uint8Array.of(7, 9) },
      { do_convert_rgb: false },
    );
    expect([grey.channels, ...grey.data]).toEqual([1, 7, 9]);
    expect(await RawImage.read(grey)).toMatchObject({ channels: 3 });
  });

  it('refuses an ImageBitmap where there is no canvas', async () => {
    // Deno has the class; no other runtime with Node's built-ins has.
    const bitmap = { [Symbol.toStringTag]: 'ImageBitmap', width: 2, height: 2, close: () => undefined };
    await expect(RawImage.read(bitmap)).rejects.toMatchObject({
      code: 'unsupported_image',
      message: expect.stringContaining('no canvas') as string,
    });
    await expect(RawImage.read({ ...bitmap, width: 0, height: 0 })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('closed') as string,
    });
  });

  it('drops alpha unless it is told a ground', async () => {
    expect([...(await RawImage.read(SMALL)).data]).toEqual([...RGB]);
    const white = await RawImage.read(SMALL, { background: [255, 255, 255] });
    expect([...white.data]).toEqual([255, 0, 0, 255, 255, 255, 127, 127, 255, 254, 254, 254]);
  });

  it('refuses every truncation and every changed byte of a PNG', async () => {
    for (let end = 0; end < SMALL.length; end++) {
      await expect(RawImage.read(SMALL.slice(0, end)), `cut at ${end}`).rejects.toBeInstanceOf(AlignError);
    }
    for (let at = 0; at < SMALL.length; at++) {
      await expect(RawImage.read(flipped(SMALL, at)), `byte ${at}`).rejects.toBeInstanceOf(AlignError);
    }
  });

  const shape = { width: 2, height: 2 };
  const lines = deflateSync(
    Buffer.concat([Buffer.from([0]), SAMPLES.subarray(0, 8), Buffer.from([0]), SAMPLES.subarray(8)]),
  );
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = SMALL.slice();
    bytes[at] = value;
    new DataView(bytes.buffer).setUint32(29, crc32(bytes.subarray(12, 29)));
    return bytes;
  };
  it.each<[string, Uint8Array, string, RegExp]>([
    ['no bytes', new Uint8Array(0), 'corrupt_image', /no bytes/],
    ['a wrong CRC', flipped(SMALL, 45), 'corrupt_image', /"IDAT" at byte 33 has a wrong CRC/],
    ['an end before the last chunk', SMALL.slice(0, -12), 'corrupt_image', /before its last chunk/],
    [
      'half a zlib stream',
      make_png(shape, SAMPLES, { data: lines.subarray(0, 9) }),
      'corrupt_image',
      /inflate/,
    ],
    [
      'a wrong zlib checksum',
      make_png(shape, SAMPLES, { data: flipped(lines, lines.length - 1) }),
      'corrupt_image',
      /inflate/,
    ],
    [
      'too few lines',
      make_png(shape, SAMPLES, { data: deflateSync(Buffer.alloc(9)) }),
      'corrupt_image',
      /inflates to other than 18/,
    ],
    [
      'a bomb',
      make_png(shape, SAMPLES, { data: deflateSync(Buffer.alloc(1 << 24)) }),
      'corrupt_image',
      /inflates to other than 18/,
    ],
    [
      'an interlaced bomb',
      make_png(shape, SAMPLES, { data: deflateSync(Buffer.alloc(1 << 24)), interlaced: 1 }),
      'corrupt_image',
      /inflates to other than/,
    ],
    ['no palette', make_png({ ...shape, colour: 3 }, SAMPLES.subarray(0, 4)), 'corrupt_image', /no palette/],
    ['a width of 0', changed(19, 0), 'corrupt_image', /its size is 0 x 2/],
    ['a colour type that does not exist', changed(25, 5), 'corrupt_image', /colour type 5 with 8 bits/],
    ['a depth that its colour type lacks', changed(24, 4), 'corrupt_image', /colour type 6 with 4 bits/],
    ['too many pixels', changed(16, 1), 'too_large', /16777218 x 2 pixels, the limit is 16777216/],
    ['a GIF', Buffer.from('GIF89a…'), 'unsupported_image', /GIF/],
    ['a TIFF', Buffer.from('II*\0…'), 'unsupported_image', /TIFF/],
    ['an SVG', Buffer.from('<svg xmlns="…">'), 'unsupported_image', /SVG/],
    ['a text', Buffer.from('hello'), 'unsupported_image', /no known kind/],
  ])('refuses %s', async (_, bytes, code, message) => {
    await expect(RawImage.read(bytes)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it.each<[string, () => Promise<unknown>, string, RegExp]>([
    [
      'more pixels than asked for',
      () => RawImage.read(SMALL, { max_pixels: 3 }),
      'too_large',
      /2 x 2 pixels, the limit is 3/,
    ],
    [
      'raw samples beyond the limit',
      () => RawImage.read({ ...shape, data: SAMPLES }, { max_pixels: 3 }),
      'too_large',
      /the limit is 3/,
    ],
    [
      'samples of another count',
      () => RawImage.read({ ...shape, channels: 3, data: SAMPLES }),
      'invalid_argument',
      /are 12 bytes, data has 16/,
    ],
    [
      'samples that are none',
      () => RawImage.read({ ...shape, data: null } as never),
      'invalid_argument',
      /must be bytes, not null/,
    ],
    [
      '5 channels',
      () => RawImage.read({ width: 1, height: 1, channels: 5, data: new Uint8Array(5) }),
      'invalid_argument',
      /not 5/,
    ],
    [
      'a width of 1.5',
      () => RawImage.read({ width: 1.5, height: 2, channels: 1, data: new Uint8Array(3) }),
      'invalid_argument',
      /1\.5 x 2/,
    ],
    ['a number', () => RawImage.read(5 as never), 'invalid_argument', /cannot be read from 5/],
    ['null', () => RawImage.read(null as never), 'invalid_argument', /cannot be read from null/],
    [
      'a background that is none',
      () => RawImage.read(SMALL, { background: [256, 0, 0] }),
      'invalid_argument',
      /background \[256, 0, 0\]/,
    ],
    [
      'a path that is not there',
      () => RawImage.read('no/such/picture.png'),
      'not_found',
      /no\/such\/picture\.png/,
    ],
    [
      'a response that failed',
      () => RawImage.read(new Response(null, { status: 404 })),
      'network',
      /HTTP 404/,
    ],
    [
      'a call that was aborted',
      () => RawImage.read(SMALL, { signal: AbortSignal.abort() }),
      'aborted',
      /aborted/,
    ],
  ])('refuses %s', async (_, read, code, message) => {
    await expect(read()).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});
