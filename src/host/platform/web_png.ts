// PNG where there is no zlib of Node's: the web's own inflate, never further than the picture needs; fast-png for the
// filters of the lines; then RGBA. Interlaced pictures go through it pass by pass, as fast-png does not unpack samples
// of less than a byte and misreads their passes. Agrees byte for byte with pngjs.

import { decode } from 'fast-png';
import { inflate } from '../processor/inflate.ts';
import { CHANNELS, line_bytes, passes_of, type PngSize } from '../processor/png_layout.ts';
import type { DecodedPng } from './platform.ts';

const PALETTE = 3;
/** Which sample becomes R, G, B and A by colour type; -1 is opaque. */
const ORDER: Readonly<Record<number, readonly number[]>> = {
  0: [0, 0, 0, -1],
  2: [0, 1, 2, -1],
  4: [0, 0, 0, 1],
  6: [0, 1, 2, 3],
};

/** Pixels of a PNG whose chunks were checked (processor/png.ts). Rejects where its data is damaged or ends early. */
export async function decode_png(bytes: Uint8Array): Promise<DecodedPng> {
  const view = view_of(bytes);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colour] = [bytes[24]!, bytes[25]!];
  const header = { width, height, depth, colour };
  const passes = passes_of(header, bytes[28] === 1);
  const total = passes.reduce((sum, pass) => sum + pass.bytes, 0);
  const filtered = await inflate_exactly(chunks_of(bytes, 'IDAT'), total);
  const data = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * 4);
  const put = colour === PALETTE ? palette_writer(bytes, data) : sample_writer(header, data);
  let at = 0;
  for (const { pass, size, bytes: length } of passes) {
    const end = at + length;
    const samples = unpack(size, unfilter(size, filtered.subarray(at, end)));
    at = end;
    const [x, y, dx, dy] = pass;
    for (let row = 0, from = 0; row < size.height; row++)
      for (let column = 0; column < size.width; column++, from += CHANNELS[colour]!)
        put(samples, from, ((y + row * dy) * width + x + column * dx) * 4);
  }
  return { width, height, data };
}

/** The first `total` bytes that zlib data inflates to; what follows them does not matter, as to other decoders. */
async function inflate_exactly(parts: readonly Uint8Array[], total: number): Promise<Uint8Array> {
  const out = new Uint8Array(total);
  let size = 0;
  const done = inflate(parts, total, (part) => {
    out.set(part.subarray(0, total - size), size);
    size = Math.min(total, size + part.length);
  });
  await done.catch((cause: unknown) => {
    if (size < total) throw new Error('its data does not inflate', { cause });
  });
  if (size < total) throw new Error(`its data ends after ${size} of ${total} bytes`);
  return out;
}

type Samples = Uint8Array | Uint16Array;

/** Undoes the filters of the lines; samples of less than a byte stay packed. */
function unfilter(size: PngSize, filtered: Uint8Array): Samples {
  return decode(stored_png(size, filtered)).data as Samples;
}

/** A PNG that holds data uncompressed. Its checksums stay zero: they would be ours, and fast-png reads none. */
function stored_png({ width, height, depth, colour }: PngSize, filtered: Uint8Array): Uint8Array {
  const most = 65535; // bytes of a stored block
  const blocks = Math.ceil(filtered.length / most);
  const data_bytes = 2 + blocks * 5 + filtered.length + 4;
  const png = new Uint8Array(33 + 12 + data_bytes + 12);
  const view = view_of(png);
  png.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunk = (at: number, length: number, type: string): void => {
    view.setUint32(at, length);
    for (let i = 0; i < 4; i++) png[at + 4 + i] = type.charCodeAt(i);
  };
  chunk(8, 13, 'IHDR');
  view.setUint32(16, width);
  view.setUint32(20, height);
  png.set([depth, colour], 24);
  chunk(33, data_bytes, 'IDAT');
  png.set([0x78, 0x01], 41);
  let to = 43;
  for (let from = 0; from < filtered.length; from += most) {
    const block = filtered.subarray(from, from + most);
    png[to] = from + most < filtered.length ? 0 : 1;
    view.setUint16(to + 1, block.length, true);
    view.setUint16(to + 3, ~block.length, true);
    png.set(block, to + 5);
    to += 5 + block.length;
  }
  chunk(png.length - 12, 0, 'IEND');
  return png;
}

/** One element a sample. Each line of packed samples begins with a whole byte. */
function unpack(size: PngSize, packed: Samples): Samples {
  const { width, height, depth } = size;
  if (depth >= 8) return packed;
  const out = new Uint8Array(width * height);
  const line = line_bytes(size);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++, to++) {
      const bit = x * depth;
      out[to] = (packed[y * line + (bit >> 3)]! >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
    }
  return out;
}

/** Writes one pixel: the samples at `from` to the four at `to`. */
type Writer = (samples: Samples, from: number, to: number) => void;

function sample_writer({ depth, colour }: PngSize, data: Samples): Writer {
  const order = ORDER[colour]!;
  const scale = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  const opaque = depth === 16 ? 65535 : 255;
  return (samples, from, to) => {
    for (let c = 0; c < 4; c++) data[to + c] = order[c]! < 0 ? opaque : samples[from + order[c]!]! * scale;
  };
}

function palette_writer(bytes: Uint8Array, data: Samples): Writer {
  const [colours] = chunks_of(bytes, 'PLTE');
  const [alpha] = chunks_of(bytes, 'tRNS');
  return (samples, from, to) => {
    const index = samples[from]!;
    for (let c = 0; c < 3; c++) data[to + c] = colours![index * 3 + c]!;
    data[to + 3] = alpha?.[index] ?? 255;
  };
}

/** Contents of the chunks of a type. */
function chunks_of(bytes: Uint8Array, type: string): Uint8Array[] {
  const view = view_of(bytes);
  const found: Uint8Array[] = [];
  for (let at = 8; at < bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    if (String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === type)
      found.push(bytes.subarray(at + 8, end));
    at = end + 4;
  }
  return found;
}

function view_of(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
