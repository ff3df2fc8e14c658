// Pictures: the eight ways up are a group, PNGs are read as they were written, and alpha is laid on its ground.

import fc from 'fast-check';
import { PNG } from 'pngjs';
import { deflateSync } from 'node:zlib';
import { assert } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { RawImage } from '../../src/host/image.ts';
import { turn_upright } from '../../src/host/processor/orientation.ts';
import type { MetadataChunk } from '../../src/host/processor/png_text.ts';
import type { Samples } from '../../src/host/processor/resize.ts';
import { CHANNELS, chunk, KINDS, make_png, random_bytes, random_lines } from '../support/png.ts';
import { Random } from '../processor/random.ts';
import { pick, seed, whole } from './draws.ts';
import { property } from './property.ts';

const side = whole(1, 12);

const samples = (channels: fc.Arbitrary<number>): fc.Arbitrary<RawImage> =>
  fc
    .record({ width: side, height: side, channels, seed })
    .map(
      ({ width, height, channels, seed }) =>
        new RawImage(new Random(seed).bytes(width * height * channels), width, height, channels),
    );
const any_samples = samples(pick(1, 2, 3, 4));

/** Where orientation `o` takes the pixel (x, y) of a picture from, as EXIF defines it. */
function source(o: number, { width, height }: Samples, x: number, y: number): readonly [number, number] {
  const [right, bottom] = [width - 1, height - 1];
  return (
    [
      ...[[x, y], [right - x, y], [right - x, bottom - y], [x, bottom - y]],
      ...[[y, x], [y, bottom - x], [right - y, bottom - x], [right - y, x]],
    ] as const
  )[o - 1]!;
} // prettier-ignore

property('Each orientation takes pixels from where EXIF says', [any_samples, whole(1, 8)], (image, o) => {
  const { width, height, channels, data } = image;
  const turned = turn_upright(image, o);
  assert.deepEqual([turned.width, turned.height], o >= 5 ? [height, width] : [width, height]);
  const want = Uint8Array.from(data, (_, i) => {
    const [pixel, c] = [Math.floor(i / channels), i % channels];
    const [x, y] = source(o, image, pixel % turned.width, Math.floor(pixel / turned.width));
    return data[(y * width + x) * channels + c]!;
  });
  assert.deepEqual(turned.data, want);
});

property(
  'Orientations are a group: each has an inverse, and two in turn are a third',
  [any_samples, whole(1, 8), whole(1, 8)],
  (image, a, b) => {
    const inverse = [1, 2, 3, 4, 5, 8, 7, 6][a - 1]!;
    const back = turn_upright(turn_upright(image, a), inverse);
    assert.deepEqual(new RawImage(back.data, back.width, back.height, back.channels), image);
    const both = turn_upright(turn_upright(image, a), b);
    const found = [1, 2, 3, 4, 5, 6, 7, 8].some((c) => {
      const one = turn_upright(image, c);
      return (
        one.width === both.width && Buffer.compare(one.data as Uint8Array, both.data as Uint8Array) === 0
      );
    });
    assert(found, `${a} and then ${b} is none of the eight`);
  },
);

property(
  'A number that is no orientation turns nothing',
  [any_samples, fc.oneof(whole(9, 65535), whole(-9, 1), fc.double())],
  (image, o) => {
    if (!(o >= 2 && o <= 8)) assert.strictEqual(turn_upright(image, o), image);
  },
);

/** EXIF that has an orientation alone. */
function exif(orientation: number, little: boolean): Uint8Array {
  const bytes = new Uint8Array(26);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, little ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, 1, little);
  view.setUint16(10, 0x0112, little);
  view.setUint16(12, 3, little);
  view.setUint32(14, 1, little);
  view.setUint16(18, orientation, little);
  return bytes;
}

/** A PNG as pngjs writes it, with a chunk more before its data. */
function encoded({ data, width, height, channels }: RawImage, more?: MetadataChunk): Uint8Array {
  const png = new PNG({ width, height });
  png.data = Buffer.from(data);
  const type = ([0, 4, 2, 6] as const)[channels - 1]!;
  const file = PNG.sync.write(png, { colorType: type, inputColorType: type, inputHasAlpha: channels % 2 === 0 });
  const head = 33; // the signature and IHDR
  return more === undefined ? file : Buffer.concat([file.subarray(0, head), chunk(more.type, more.data), file.subarray(head)]);
} // prettier-ignore

property('A PNG is read as it was written', [any_samples], async (image) => {
  const read = await RawImage.read(encoded(image));
  assert.deepEqual(read, await RawImage.read(image));
  assert.deepEqual(read, image.rgb());
});

property(
  'A PNG with an orientation is read upright',
  [any_samples, whole(1, 8), fc.boolean()],
  async (image, o, little) => {
    const read = await RawImage.read(encoded(image, { type: 'eXIf', data: exif(o, little) }));
    const { data, width, height } = turn_upright(image.rgb(), o);
    assert.deepEqual(read, new RawImage(data, width, height, 3));
  },
);

const kind = pick(...KINDS.flatMap(([colour, depths]) => depths.map((depth) => ({ colour, depth })))).chain((type) => fc.record({ width: side, height: side, interlaced: fc.boolean() }).map((size) => ({ ...size, ...type }))); // prettier-ignore

property(
  'A PNG of any colour type, depth and interlacing is read whole, and not at all with a bit changed',
  [kind, seed, fc.nat()],
  async (kind, start, any) => {
    const next = random_bytes(start);
    const colours = kind.colour === 3 ? Uint8Array.from({ length: 3 << kind.depth }, next) : undefined;
    const png = make_png(kind, [deflateSync(random_lines(kind, next))], colours);
    const image = await RawImage.read(png);
    assert.deepEqual([image.width, image.height, image.channels], [kind.width, kind.height, 3]);
    if (CHANNELS[kind.colour]! < 3 && kind.colour !== 3) assert(image.data.every((v, i) => v === image.data[i - (i % 3)]), 'grey is coloured'); // prettier-ignore
    // Behind the signature every byte is under a CRC, or is one, or a chunk's length.
    const place = 8 * 8 + (any % ((png.length - 8) * 8));
    png[place >> 3]! ^= 1 << (place & 7);
    const error: unknown = await RawImage.read(png).then(() => null, (reason: unknown) => reason); // prettier-ignore
    assert(
      error instanceof AlignError && /^(corrupt_image|unsupported_image|too_large)$/.test(error.code),
      `bit ${place}: ${String(error)}`,
    );
  },
);

const ground = fc.tuple(whole(0, 255), whole(0, 255), whole(0, 255));

property(
  'Alpha lays a picture on its ground: opaque hides it, transparent shows it, and between it is between',
  [samples(pick(2, 4)), ground],
  (image, background) => {
    const { data, channels } = image;
    const [plain, laid] = [image.rgb(), image.rgb(background)];
    laid.data.forEach((value, i) => {
      const alpha = data[Math.floor(i / 3) * channels + channels - 1]!;
      const [own, other] = [plain.data[i]!, background[i % 3]!];
      if (alpha === 255) assert.strictEqual(value, own);
      if (alpha === 0) assert.strictEqual(value, other);
      assert(
        value >= Math.min(own, other) && value <= Math.max(own, other),
        `${value} of ${own} on ${other}`,
      );
      assert(
        Math.abs(value - (own * alpha + other * (255 - alpha)) / 255) <= 0.5 + 1e-9,
        `${value}, alpha ${alpha}`,
      );
    });
  },
);
