// What other decoders make of a PNG that ours has read, as RGBA of eight bits.

import { decode } from 'fast-png';
import { PNG } from 'pngjs';
import { chunk } from './png.ts';

const GREY = 0;
const RGB = 2;
const PALETTE = 3;

/** Header, palette with its alphas, and pixels: what else there is they may read otherwise. */
function plain(png: Uint8Array): Buffer {
  const file = Buffer.from(png);
  const palette = file[25] === PALETTE;
  const kept: Buffer[] = [file.subarray(0, 33)];
  let filled = false;
  for (let [at, type] = [33, '']; type !== 'IEND';) {
    const length = file.readUInt32BE(at);
    type = file.toString('latin1', at + 4, at + 8);
    const data = file.subarray(at + 8, at + 8 + length);
    if (type === 'IDAT') kept.push(chunk('IDAT', data));
    // Colours that a palette lacks are black.
    if (type === 'PLTE' && palette) kept.push(chunk('PLTE', Buffer.concat([data, Buffer.alloc(768)], 768)));
    if (type === 'tRNS' && palette && !filled) {
      kept.push(chunk('tRNS', data.subarray(0, 256)));
      filled = true;
    }
    at += length + 12;
  }
  // tRNS may stand before its palette.
  const order = ['IHDR', 'PLTE', 'tRNS', 'IDAT'];
  const place = (part: Buffer): number => order.indexOf(part.toString('latin1', 4, 8));
  const [head, ...rest] = kept;
  rest.sort((a, b) => place(a) - place(b));
  return Buffer.concat([head!, ...rest, chunk('IEND', new Uint8Array(0))]);
}

/** 16 bits to 8 as Pillow: the upper ones, but grey without alpha is clipped. */
function eight_bits(samples: ArrayLike<number>, clip: boolean): Uint8Array {
  return Uint8Array.from(samples, (value, i) => (clip && i % 4 < 3 ? Math.min(value, 255) : value >> 8));
}

/** pngjs, which reads every kind. */
export function by_pngjs(png: Uint8Array): Uint8Array {
  const deep = png[24] === 16;
  const { data } = PNG.sync.read(plain(png), { skipRescale: deep });
  return deep ? eight_bits(data, png[25] === GREY) : Uint8Array.from(data);
}

/** fast-png; null for what it misreads: samples of less than a byte, interlaced pictures; and for palettes. */
export function by_fast_png(png: Uint8Array): Uint8Array | null {
  const [depth, colour, interlaced] = [png[24]!, png[25]!, png[28] !== 0];
  if (depth < 8 || colour === PALETTE || interlaced) return null;
  const { data, width, height, channels } = decode(plain(png));
  const opaque = depth === 16 ? 65535 : 255;
  const samples = Array.from({ length: width * height * 4 }, (_, i) => {
    const [pixel, c] = [(i >> 2) * channels, i & 3];
    if (c === 3) return colour === GREY || colour === RGB ? opaque : data[pixel + channels - 1]!;
    return data[pixel + (channels < 3 ? 0 : c)]!;
  });
  return depth === 16 ? eight_bits(samples, colour === GREY) : Uint8Array.from(samples);
}
