// Pictures from bytes: PPM and PGM (P6 and P5, 8 bits), or raw RGB of a stated size. Rows top to bottom, RGB, 8 bits.

import { show, take } from './io';
import { decoded, text, Text } from './text';

/** Most pixels of a picture, as everywhere in this package. */
const MOST_PIXELS: u64 = 1 << 24;
/** Bytes of such a picture with its header. */
export const MOST_IMAGE_BYTES: usize = (1 << 24) * 3 + 4096;

/** A picture's samples. */
export class Image {
  constructor(
    public at: usize,
    public width: u32,
    public height: u32,
  ) {}
}

/** Width and height as people write them: 640x480. null where it is not that. */
export function read_size(t: Text): Image | null {
  cursor = t.at;
  limit = t.at + t.size;
  const width = digits();
  if (cursor == limit || load<u8>(cursor++) != 0x78) return null;
  const height = digits();
  return cursor == limit && width && height && fits(width, height) ? new Image(0, <u32>width, <u32>height) : null;
}

/** Raw RGB. */
export function raw_image(name: Text, bytes: Text, size: Image): Image {
  const needed = <u64>size.width * size.height * 3;
  if (<u64>bytes.size != needed) {
    throw new Error(`${decoded(name)}: ${size.width} x ${size.height} pixels of RGB are ${needed} bytes, it has ${bytes.size}`);
  }
  return new Image(bytes.at, size.width, size.height);
}

/** A PPM or PGM file: magic, width, height and the largest sample with white space and comments between, then samples. */
export function read_ppm(name: Text, bytes: Text): Image {
  cursor = bytes.at;
  limit = bytes.at + bytes.size;
  const magic = bytes.size < 2 ? 0 : load<u16>(cursor);
  if (magic != 0x3650 && magic != 0x3550) {
    throw new Error(`${decoded(name)} begins with ${show(text(bytes.at, min<usize>(bytes.size, 8)))}: a PPM (P6) or PGM (P5) file is needed, or raw RGB and --size WxH`);
  }
  cursor += 2;
  const channels: u64 = magic == 0x3650 ? 3 : 1;
  const width = field();
  const height = field();
  const largest = field();
  const white = cursor < limit && is_blank(load<u8>(cursor));
  if (!width || !height || !white) throw new Error(`${decoded(name)} has a damaged header`);
  if (largest != 255) throw new Error(`${decoded(name)} has samples up to ${largest}: only 255 is supported`);
  if (!fits(width, height)) throw new Error(`${decoded(name)} has ${width} x ${height} pixels, at most ${MOST_PIXELS} are read`);
  const start = cursor + 1;
  const there = <u64>(limit - start);
  const needed = width * height * channels;
  if (there < needed) throw new Error(`${decoded(name)} ends after ${there} of ${needed} bytes of samples`);
  if (there > needed) throw new Error(`${decoded(name)} has ${there - needed} bytes behind its picture`);
  return new Image(channels == 3 ? start : grey(start, needed), <u32>width, <u32>height);
}

/** Grey samples, each three times. */
function grey(from: usize, count: u64): usize {
  const at = take(count * 3, 'a picture');
  for (let i: usize = 0; i < <usize>count; i++) {
    const sample = load<u8>(from + i);
    store<u8>(at + i * 3, sample);
    store<u8>(at + i * 3, sample, 1);
    store<u8>(at + i * 3, sample, 2);
  }
  return at;
}

let cursor: usize = 0;
let limit: usize = 0;

function fits(width: u64, height: u64): bool {
  return width <= MOST_PIXELS && height <= MOST_PIXELS && width * height <= MOST_PIXELS;
}

function is_blank(c: u8): bool {
  return c == 0x20 || (c >= 9 && c <= 13);
}

/** A number of a header, after white space (at least one) and comments; 0 where there is none. */
function field(): u64 {
  const before = cursor;
  while (cursor < limit) {
    const c = load<u8>(cursor);
    if (c == 0x23) while (cursor < limit && load<u8>(cursor) != 0x0a) cursor++;
    else if (is_blank(c)) cursor++;
    else break;
  }
  return cursor == before ? 0 : digits();
}

/** Digits to a number; what is too large for a picture stays too large. */
function digits(): u64 {
  let number: u64 = 0;
  for (; cursor < limit && load<u8>(cursor) - 0x30 < 10; cursor++) number = min<u64>(1 << 40, number * 10 + (load<u8>(cursor) - 0x30));
  return number;
}
