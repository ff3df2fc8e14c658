// Pictures against Pillow (test/golden/processor.py): every kind of PNG, its orientation, its transparency; all the forms
// that a picture comes in; and damaged files.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { RawImage, type ImageInput, type RawPixels } from '../../src/host/image.ts';
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

  /** The small picture with chunks behind its header, and others behind its data. */
  const with_chunks = (
    before: readonly [string, Uint8Array][],
    after: readonly [string, Uint8Array][] = [],
    file = SMALL,
  ): Uint8Array => {
    const made = (chunks: readonly [string, Uint8Array][]): Uint8Array =>
      Buffer.concat(chunks.map(([type, data]) => chunk(type, data)));
    return Buffer.concat([
      file.subarray(0, 33),
      made(before),
      file.subarray(33, -12),
      made(after),
      file.subarray(-12),
    ]);
  };

  /** A directory of EXIF whose only tag is an orientation; `apart` is what its value points to. */
  function exif(
    type: number,
    count: number,
    value: number[],
    { apart = [] as number[], head = 'II*\0', before = [] as number[] } = {},
  ): Uint8Array {
    const entry = [0x12, 0x01, type, 0, count, 0, 0, 0, ...value, ...[0, 0, 0, 0]].slice(0, 12);
    const directory = [8, 0, 0, 0, before.length > 0 ? 2 : 1, 0, ...before, ...entry, 0, 0, 0, 0];
    return Uint8Array.from([...Buffer.from(head, 'latin1'), ...directory, ...apart]);
  }
  /** Where what stands apart begins. */
  const APART = 26;
  const text = (...parts: (string | Uint8Array)[]): Uint8Array =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
  const SIX = exif(3, 1, [6]);
  const digits = (data: Uint8Array): string =>
    `\nexif\n ${data.length}\n${Buffer.from(data).toString('hex')}\n`;
  const XMP = 'XML:com.adobe.xmp';
  const XML = 'tiff:Orientation="6"';
  const zlib_xml = deflateSync(Buffer.from(XML));

  // As Pillow 13 has them.
  it.each<[string, boolean, readonly [string, Uint8Array][]]>([
    ['one SHORT', true, [['eXIf', SIX]]],
    ['the first of two SHORTs', true, [['eXIf', exif(3, 2, [6, 0, 3, 0])]]],
    ['the first of three', true, [['eXIf', exif(3, 3, [APART], { apart: [6, 0, 3, 0, 2, 0] })]]],
    ['no value at all', false, [['eXIf', exif(3, 0, [6])]]],
    ['a FLOAT', true, [['eXIf', exif(11, 1, [0, 0, 0xc0, 0x40])]]],
    ['a FLOAT between two orientations', false, [['eXIf', exif(11, 1, [0, 0, 0xd0, 0x40])]]],
    ['a DOUBLE', true, [['eXIf', exif(12, 1, [APART], { apart: [0, 0, 0, 0, 0, 0, 0x18, 0x40] })]]],
    ['a RATIONAL', true, [['eXIf', exif(5, 1, [APART], { apart: [12, 0, 0, 0, 2, 0, 0, 0] })]]],
    ['an SRATIONAL of two negatives', true, [['eXIf', exif(10, 1, [APART], { apart: [0xfa, 255, 255, 255, 255, 255, 255, 255] })]]],
    ['a RATIONAL over 0', false, [['eXIf', exif(5, 1, [APART], { apart: [6, 0, 0, 0, 0, 0, 0, 0] })]]],
    ['a LONG8', true, [['eXIf', exif(16, 1, [APART], { apart: [6, 0, 0, 0, 0, 0, 0, 0] })]]],
    ['a BYTE, which is a string', false, [['eXIf', exif(1, 1, [6])]]],
    ['a BYTE with XMP beside it', false, [['eXIf', exif(1, 1, [6])], ['iTXt', text(XMP, '\0\0\0\0\0', XML)]]],
    ['a type that there is not', false, [['eXIf', exif(99, 1, [6])]]],
    ['such a one with XMP beside it', true, [['eXIf', exif(99, 1, [6])], ['iTXt', text(XMP, '\0\0\0\0\0', XML)]]],
    ['such a one before a good one', true, [['eXIf', exif(3, 1, [6], { before: [0x12, 1, 99, 0, 1, 0, 0, 0, 3, 0, 0, 0] })]]],
    ['a tag before it that the file is too small for', true, [['eXIf', exif(3, 1, [6], { before: [0x0e, 1, 2, 0, 0, 9, 0, 0, 0, 9, 0, 0] })]]],
    ['a tag before it that lies beyond the end', false, [['eXIf', exif(3, 1, [6], { before: [0x0e, 1, 2, 0, 9, 0, 0, 0, 0, 9, 0, 0] })]]],
    ['a header with its bytes exchanged', true, [['eXIf', exif(3, 1, [6], { head: 'II\0*' })]]],
    ['a prefix', true, [['eXIf', text('Exif\0\0', SIX)]]],
    ['the last of two eXIf', false, [['eXIf', SIX], ['eXIf', exif(3, 1, [1])]]],
    ['text under the key exif', true, [['tEXt', text('exif\0', SIX)]]],
    ['such a text behind eXIf', true, [['eXIf', exif(3, 1, [1])], ['tEXt', text('exif\0Exif\0\0', SIX)]]],
    ['digits', true, [['tEXt', text('Raw profile type exif\0', digits(SIX))]]],
    ['digits beside eXIf', false, [['eXIf', exif(3, 1, [1])], ['tEXt', text('Raw profile type exif\0', digits(SIX))]]],
    ['the last of two digits', false, [['tEXt', text('Raw profile type exif\0', digits(SIX))], ['zTXt', text('Raw profile type exif\0\0', deflateSync(Buffer.from(digits(exif(3, 1, [1])))))]]],
    ['XMP', true, [['iTXt', text(XMP, '\0\0\0en\0translated\0', XML)]]],
    ['XMP, compressed', true, [['iTXt', text(XMP, '\0\x01\0\0\0', zlib_xml)]]],
    ['XMP, compressed otherwise', false, [['iTXt', text(XMP, '\0\x01\x01\0\0', zlib_xml)]]],
    ['plain XMP with a method', true, [['iTXt', text(XMP, '\0\0\x01\0\0', XML)]]],
    ['XMP without a separator', false, [['iTXt', text(XMP, '\0\0\0\0', XML)]]],
    ['XMP behind such a one', true, [['iTXt', text(XMP, '\0\0\0\0\0', XML)], ['iTXt', text(XMP, '\0\0\0\0')]]],
    ['XMP of two megabytes', true, [['iTXt', text(XMP, '\0\0\0\0\0', ' '.repeat(2 ** 21), XML)]]],
  ])('orientation as Pillow: %s', async (_, turned, chunks) => {
    const [width, height] = [2, 3];
    const samples = Uint8Array.from({ length: width * height * 4 }, (_, i) => i);
    const file = make_png({ width, height }, samples);
    const expected = turned ? [height, width] : [width, height];
    for (const bytes of [with_chunks(chunks, [], file), with_chunks([], chunks, file)]) {
      const image = await RawImage.read(bytes);
      expect([image.width, image.height]).toEqual(expected);
    }
  }); // prettier-ignore

  const COLOURED = make_png({ width: 2, height: 2, colour: 3 }, new Uint8Array(4));
  /** fcTL of a frame at 0, 0. */
  const frame = (width: number, height: number): Uint8Array =>
    Uint8Array.from({ length: 26 }, (_, i) => (i === 7 ? width : i === 11 ? height : 0));

  it('reads what looks like it, but harms no pixel', async () => {
    const whole: readonly [string, Uint8Array][] = [['fcTL', frame(2, 2)]];
    // Palettes that colour nothing, and frames that come later.
    const files = [
      with_chunks(whole),
      with_chunks([], [['fcTL', frame(1, 1)]]),
      with_chunks([['PLTE', RGB.subarray(0, 4)]]),
    ];
    for (const file of files) expect((await RawImage.read(file)).data).toEqual(RGB);
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
    ['a second header', with_chunks([['IHDR', SMALL.subarray(16, 29)]]), 'corrupt_image', /two headers/],
    [
      'a chunk without a name',
      with_chunks([['ab1d', RGB]]),
      'corrupt_image',
      /chunk "ab1d" at byte 33 has no name/,
    ],
    [
      'a chunk between the data',
      with_chunks([
        ['IDAT', RGB],
        ['tEXt', RGB],
      ]),
      'corrupt_image',
      /between its IDAT/,
    ],
    [
      'one between data and data of no bytes',
      with_chunks(
        [],
        [
          ['tEXt', RGB],
          ['IDAT', RGB.subarray(0, 0)],
        ],
      ),
      'corrupt_image',
      /between its IDAT/,
    ],
    [
      'two palettes',
      with_chunks(
        [
          ['PLTE', RGB],
          ['PLTE', RGB],
        ],
        [],
        COLOURED,
      ),
      'corrupt_image',
      /two palettes/,
    ],
    [
      'a palette behind the data',
      with_chunks([], [['PLTE', RGB]], COLOURED),
      'corrupt_image',
      /behind its data/,
    ],
    [
      'a palette of 4 bytes',
      with_chunks([['PLTE', RGB.subarray(0, 4)]], [], COLOURED),
      'corrupt_image',
      /palette has 4 bytes/,
    ],
    [
      'a palette of 257 colours',
      with_chunks([['PLTE', new Uint8Array(771)]], [], COLOURED),
      'corrupt_image',
      /palette has 771 bytes/,
    ],
    ['a first frame in a corner', with_chunks([['fcTL', frame(2, 1)]]), 'corrupt_image', /first frame/],
    [
      'a frame cut short',
      with_chunks([['fcTL', frame(2, 2).subarray(0, 25)]]),
      'corrupt_image',
      /first frame/,
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
    [
      'sizes that are no numbers',
      () => RawImage.read({ width: 2n, height: Symbol('2'), data: SAMPLES } as never),
      'invalid_argument',
      /cannot be 2 x Symbol\(2\) pixels/,
    ],
    [
      'sizes that no samples have',
      () => RawImage.read({ width: 2 ** 40, height: 2 ** 40, data: SAMPLES }),
      'invalid_argument',
      /1099511627776 x 1099511627776 pixels of 1 channels are .* bytes, data has 16/,
    ],
    [
      'samples that were given away',
      () => {
        const data = SAMPLES.slice();
        structuredClone(data.buffer, { transfer: [data.buffer] });
        return RawImage.read({ ...shape, data });
      },
      'invalid_argument',
      /2 x 2 pixels of 1 channels are 4 bytes, data has 0/,
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

  it('refuses a RawImage that has changed since it was made, in place of reading zeros', async () => {
    for (const channels of [1, 3, 4]) {
      const image = new RawImage(new Uint8Array(100 * channels), 10, 10, channels);
      structuredClone(image.data.buffer, { transfer: [image.data.buffer as ArrayBuffer] });
      for (const read of [() => RawImage.read(image), () => image.rgb()])
        await expect(Promise.resolve().then(read)).rejects.toMatchObject({
          code: 'invalid_argument',
          message: expect.stringMatching(/10 x 10 pixels .* data has 0/) as string,
        });
    }
    const negative = Object.assign(new RawImage(SAMPLES, 2, 2, 4), { width: -5 });
    await expect(RawImage.read(negative)).rejects.toMatchObject({ code: 'invalid_argument' });
    const longer = Object.assign(new RawImage(SAMPLES, 2, 2, 4), { width: 50 });
    await expect(RawImage.read(longer)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('takes samples of another realm', async () => {
    const raw = (name: string): RawPixels =>
      runInNewContext(`({ data: ${name}.of(1, 2, 3), width: 1, height: 1 })`) as RawPixels;
    for (const name of ['Uint8Array', 'Uint8ClampedArray'])
      expect([...(await RawImage.read(raw(name))).data]).toEqual([1, 2, 3]);
    await expect(RawImage.read(raw('Int8Array'))).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
