// PNG files. The file is checked here (signature, sizes, every chunk's CRC, the order of its chunks, its end), so a damaged or
// hostile one is refused before anything is decoded.
//
// Where a file is wrong, this is stricter than Pillow, which also reads a header that is not the first chunk, is too long, comes
// twice or names other methods; palettes that come twice, have other lengths or are missing; a first frame smaller than the
// picture; names of chunks with digits; chunks between IDAT chunks once the pixels are whole; data without a checksum or with
// more behind it; wrong CRCs in IDAT and behind it; no IEND.
// It is more lenient where no pixel depends on it: gAMA, cHRM, pHYs, sRGB, iCCP and acTL may be short or damaged, EXIF may
// be none, texts may be too long or damaged (then they turn nothing, where Pillow reads as much of them as it can), and keys
// of texts may be those that Pillow keeps its own settings under.

import { crc32 } from '../crc32.ts';
import { AlignError, show } from '../errors.ts';
import { corrupt } from './png_errors.ts';
import { GREY, PALETTE, pixel_bits, RGB, type PngHeader } from './png_layout.ts';
import { read_pixels, type Colours } from './png_pixels.ts';
import { png_orientation, type MetadataChunk } from './png_text.ts';
import type { Samples } from './resize.ts';

/** A decoded PNG: RGBA of 8 bits, Pillow's way from 16 bits and from palettes; not yet turned upright. */
export interface Png extends Samples {
  readonly data: Uint8Array;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
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

/** Decodes a PNG. @throws AlignError `corrupt_image`, `too_large`. */
export async function read_png(bytes: Uint8Array, max_pixels: number): Promise<Png> {
  const header = read_header(bytes, max_pixels);
  const chunks = read_chunks(bytes);
  const data = data_of(chunks, header);
  const { width, height } = header;
  return {
    data: await read_pixels(data, header, read_colours(chunks, header)),
    width,
    height,
    channels: 4,
    orientation: await png_orientation(chunks),
  };
}

function read_header(bytes: Uint8Array, max_pixels: number): PngHeader {
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

/** All chunks between the header and IEND, each checked. */
function read_chunks(bytes: Uint8Array): MetadataChunk[] {
  const view = view_of(bytes);
  const chunks: MetadataChunk[] = [];
  for (let at = 8; ;) {
    if (at + 12 > bytes.length) throw corrupt(`it ends after ${bytes.length} bytes, before its last chunk`);
    const length = view.getUint32(at);
    const end = at + 12 + length;
    const type = type_at(bytes, at + 4);
    if (!/^[a-z]{4}$/i.test(type))
      throw corrupt(`chunk ${show(type)} at byte ${at} has no name`, { chunk: type, at });
    if (end > bytes.length)
      throw corrupt(
        `chunk ${show(type)} at byte ${at} has ${length} bytes, the file ends after ${bytes.length}`,
      );
    if (view.getUint32(end - 4) !== crc32(bytes.subarray(at + 4, end - 4)))
      throw corrupt(`chunk ${show(type)} at byte ${at} has a wrong CRC`, { chunk: type, at });
    if (type === 'IEND') return chunks;
    if (type === 'IHDR' && at > 8) throw corrupt('it has two headers');
    if (chunks.length === MAX_CHUNKS)
      throw new AlignError('too_large', `The PNG has more than ${MAX_CHUNKS} chunks`, {
        detail: { max_chunks: MAX_CHUNKS },
      });
    chunks.push({ type, data: bytes.subarray(at + 8, end - 4) });
    at = end;
  }
}

/** The parts of the picture's data, one after the other; what stands before them is about the whole picture. */
function data_of(chunks: readonly MetadataChunk[], { width, height }: PngHeader): Uint8Array[] {
  const first = chunks.findIndex(({ type }) => type === 'IDAT');
  if (first < 0) throw corrupt('it has no IDAT chunk');
  const data = chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data);
  if (chunks[first + data.length - 1]?.type !== 'IDAT')
    throw corrupt('other chunks stand between its IDAT chunks');
  // An animation whose first frame is smaller: Pillow puts these pixels into its box.
  for (const { type, data } of chunks.slice(0, first))
    if (
      type === 'fcTL' &&
      (data.length < 26 ||
        ![width, height, 0, 0].every((number, i) => view_of(data).getUint32(4 + 4 * i) === number))
    )
      throw corrupt('its first frame is not the whole picture');
  return data;
}

/** What its samples mean. */
function read_colours(chunks: readonly MetadataChunk[], header: PngHeader): Colours {
  const { colour, depth } = header;
  const key = chunks.find(({ type }) => type === 'tRNS')?.data;
  if (colour === PALETTE) return { table: coloured(palette_of(chunks), key), key: null };
  if (colour !== GREY && colour !== RGB) return { table: null, key: null };
  if (key !== undefined && key.length < (colour === GREY ? 2 : 6))
    throw corrupt('its tRNS chunk is too short');
  if (colour === GREY && depth <= 8) {
    const values = 2 ** depth;
    const greys = Uint8Array.from({ length: 3 * values }, (_, i) => (255 / (values - 1)) * Math.floor(i / 3));
    const alphas = new Uint8Array(values).fill(255);
    if (key !== undefined) alphas[view_of(key).getUint16(0)] = 0;
    return { table: coloured(greys, alphas), key: null };
  }
  return { table: null, key: key === undefined ? null : pixel_of(key, header) };
}

/** The colours of a palette, which stands before the data. */
function palette_of(chunks: readonly MetadataChunk[]): Uint8Array {
  const palettes = chunks.filter(({ type }) => type === 'PLTE');
  if (palettes.length === 0) throw corrupt('it has no palette');
  const types = chunks.map(({ type }) => type);
  if (palettes.length > 1 || types.indexOf('PLTE') > types.indexOf('IDAT'))
    throw corrupt('it has two palettes, or one behind its data');
  const { data } = palettes[0]!;
  if (data.length > 768 || data.length % 3 !== 0) throw corrupt(`its palette has ${data.length} bytes`);
  return data;
}

/** RGBA of 256 samples: black where there is no colour, as Pillow; opaque where there is no alpha. */
function coloured(colours: Uint8Array, alphas: Uint8Array = new Uint8Array(0)): Uint32Array {
  const bytes = Uint8Array.from({ length: 1024 }, (_, i) =>
    i % 4 === 3 ? (alphas[i >> 2] ?? 255) : (colours[(i >> 2) * 3 + (i % 4)] ?? 0),
  );
  return new Uint32Array(bytes.buffer);
}

/** The bytes of the pixel that tRNS names in two bytes a sample; null where no pixel is that. */
function pixel_of(key: Uint8Array, header: PngHeader): Uint8Array | null {
  const step = pixel_bits(header) >> 3;
  if (header.depth === 16) return key.subarray(0, step);
  const samples = Uint8Array.from({ length: step }, (_, i) => key[2 * i + 1]!);
  return samples.some((_, i) => key[2 * i] !== 0) ? null : samples;
}

function view_of(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function type_at(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
