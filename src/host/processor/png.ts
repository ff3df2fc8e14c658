// PNG files around the platform's decoder. The file is checked here (signature, sizes, every chunk's CRC, its end), so a
// damaged or hostile one is refused before anything is decoded, and the decoder gets a plain file: the chunks that carry
// pixels and nothing else. Transparency of a single colour is applied here, as decoders overwrite that colour.

import { pictures } from '#platform';
import { adler32 } from '../adler32.ts';
import { crc32 } from '../crc32.ts';
import { AlignError, out_of_memory, show } from '../errors.ts';
import { inflate } from './inflate.ts';
import { png_orientation } from './orientation.ts';
import { passes_of, type PngSize } from './png_layout.ts';
import type { Samples } from './resize.ts';

/** A decoded PNG: RGBA of 8 bits, Pillow's way from 16 bits and from palettes; not yet turned upright. */
export interface Png extends Samples {
  readonly data: Uint8Array;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;
const RGB = 2;
const PALETTE = 3;
/** Enough for 64 MiB in chunks of 2 KiB, few enough that a file of empty ones takes neither time nor memory. */
const MAX_CHUNKS = 32_768;
/** Bit depths that each colour type may have. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

export function is_png(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

function corrupt(why: string, detail: Record<string, unknown> = {}): AlignError {
  return new AlignError('corrupt_image', `The PNG is damaged: ${why}`, { detail });
}

/** What a decoder's failure comes to. */
function failed(why: string, cause: unknown): AlignError {
  return out_of_memory(cause) ?? new AlignError('corrupt_image', `The PNG is damaged: ${why}`, { cause });
}

interface Header extends PngSize {
  readonly interlaced: boolean;
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** Length, type, data and CRC. */
  readonly whole: Uint8Array;
}

/** Decodes a PNG. @throws AlignError `corrupt_image`, `too_large`. */
export async function read_png(bytes: Uint8Array, max_pixels: number): Promise<Png> {
  const header = read_header(bytes, max_pixels);
  const chunks = read_chunks(bytes);
  const all = (type: string): Chunk[] => chunks.filter((chunk) => chunk.type === type);
  const data = all('IDAT').filter((chunk) => chunk.data.length > 0);
  if (data.length === 0) throw corrupt('it has no IDAT chunk');
  await check_inflated(data, header);
  const palette = all('PLTE')[0];
  if (header.colour === PALETTE && palette === undefined) throw corrupt('it has no palette');
  const key = all('tRNS')[0];
  const colours: Uint8Array[] = [];
  if (header.colour === PALETTE) {
    colours.push(make_chunk('PLTE', full_palette(palette!.data)));
    if (key !== undefined) colours.push(make_chunk('tRNS', key.data.subarray(0, 256)));
  }
  const pixels = data.map(({ whole }) => whole);
  const plain = [bytes.subarray(0, 33), ...colours, ...pixels, make_chunk('IEND', new Uint8Array(0))];
  const { width, height } = header;
  const samples = await decode(join(plain));
  if (samples.length !== width * height * 4) throw corrupt('its pixels are incomplete');
  if (key !== undefined && (header.colour === GREY || header.colour === RGB))
    apply_key(samples, header, key.data);
  return {
    data: samples instanceof Uint16Array ? eight_bits(samples, header.colour) : samples,
    width,
    height,
    channels: 4,
    orientation: await png_orientation(chunks),
  };
}

async function decode(bytes: Uint8Array): Promise<Uint8Array | Uint16Array> {
  try {
    return (await pictures.decode_png(bytes)).data;
  } catch (cause) {
    throw failed((cause as Error).message, cause);
  }
}

function read_header(bytes: Uint8Array, max_pixels: number): Header {
  if (bytes.length < 33) throw corrupt(`it ends after ${bytes.length} bytes`);
  const view = view_of(bytes);
  if (view.getUint32(8) !== 13 || type_at(bytes, 12) !== 'IHDR')
    throw corrupt('it does not begin with a header');
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colour, compression, filter, interlace] = bytes.subarray(24, 29);
  if (width === 0 || height === 0 || width >= 2 ** 31 || height >= 2 ** 31)
    throw corrupt(`its size is ${width} x ${height}`, { width, height });
  if (!DEPTHS[colour!]?.includes(depth!))
    throw corrupt(`colour type ${colour!} with ${depth!} bits does not exist`);
  if (compression !== 0 || filter !== 0 || interlace! > 1)
    throw corrupt(`its header has method numbers ${show([compression, filter, interlace])}`);
  if (width * height > max_pixels)
    throw new AlignError(
      'too_large',
      `The picture has ${width} x ${height} pixels, the limit is ${max_pixels} pixels`,
      { detail: { width, height, max_pixels }, hint: 'raise max_pixels, or make the picture smaller' },
    );
  return { width, height, depth: depth!, colour: colour!, interlaced: interlace === 1 };
}

/** All chunks up to IEND, each checked. */
function read_chunks(bytes: Uint8Array): Chunk[] {
  const view = view_of(bytes);
  const chunks: Chunk[] = [];
  for (let at = 8; ;) {
    if (at + 12 > bytes.length) throw corrupt(`it ends after ${bytes.length} bytes, before its last chunk`);
    const length = view.getUint32(at);
    const end = at + 12 + length;
    const type = type_at(bytes, at + 4);
    if (end > bytes.length)
      throw corrupt(
        `chunk ${show(type)} at byte ${at} has ${length} bytes, the file ends after ${bytes.length}`,
      );
    if (view.getUint32(end - 4) !== crc32(bytes.subarray(at + 4, end - 4)))
      throw corrupt(`chunk ${show(type)} at byte ${at} has a wrong CRC`, { chunk: type, at });
    if (type === 'IEND') return chunks;
    if (chunks.length === MAX_CHUNKS)
      throw new AlignError('too_large', `The PNG has more than ${MAX_CHUNKS} chunks`, {
        detail: { max_chunks: MAX_CHUNKS },
      });
    chunks.push({ type, data: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end) });
    at = end;
  }
}

/** 256 colours: Pillow takes black for an index that the palette lacks. */
function full_palette(colours: Uint8Array): Uint8Array {
  const full = new Uint8Array(768);
  full.set(colours.subarray(0, 768));
  return full;
}

/**
 * Counted first: decoders inflate without a limit, and pngjs takes memory as it finds it for data that ends early. The data
 * must end with its checksum: what else stands behind it, or stands in its place, some runtimes pass over and others refuse.
 */
async function check_inflated(data: readonly Chunk[], header: Header): Promise<void> {
  const expected = passes_of(header, header.interlaced).reduce((sum, { bytes }) => sum + bytes, 0);
  let adler = 1;
  const size = await inflate(
    data.map((chunk) => chunk.data),
    expected,
    (part) => (adler = adler32(part, adler)),
  ).catch((cause: unknown) => {
    throw failed('its data does not inflate', cause);
  });
  if (size !== expected) throw corrupt(`its data inflates to other than ${expected} bytes`);
  const end = join(data.slice(-4).map((chunk) => chunk.data.subarray(-4))).subarray(-4);
  if (end.length < 4 || view_of(end).getUint32(0) !== adler)
    throw corrupt('its data does not end with its checksum');
}

/** A grey or RGB picture may name one colour that is transparent. */
function apply_key(samples: Uint8Array | Uint16Array, { depth, colour }: Header, key: Uint8Array): void {
  if (key.length < (colour === GREY ? 2 : 6)) throw corrupt('its tRNS chunk is too short');
  const view = view_of(key);
  const scale = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  const [r, g, b] = (colour === GREY ? [0, 0, 0] : [0, 2, 4]).map((at) => view.getUint16(at) * scale);
  for (let i = 0; i < samples.length; i += 4)
    if (samples[i] === r && samples[i + 1] === g && samples[i + 2] === b) samples[i + 3] = 0;
}

/** 16 bits to 8 as Pillow: the high byte; but a grey picture without alpha is clipped at 255, which Pillow's mode I;16 does. */
function eight_bits(samples: Uint16Array, colour: number): Uint8Array {
  const out = new Uint8Array(samples.length);
  const clip = colour === GREY;
  for (let i = 0; i < samples.length; i++)
    out[i] = clip && (i & 3) !== 3 ? Math.min(samples[i]!, 255) : samples[i]! >> 8;
  return out;
}

function view_of(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function type_at(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function make_chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 12);
  const view = view_of(out);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(type), 4);
  out.set(data, 8);
  view.setUint32(data.length + 8, crc32(out.subarray(4, data.length + 8)));
  return out;
}
