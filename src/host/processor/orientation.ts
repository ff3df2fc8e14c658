// Which way up a picture is: EXIF's orientation, or XMP's where EXIF has none, and the turn that it asks for (Pillow's
// Image.getexif and ImageOps.exif_transpose).

import { inflate_bytes } from './inflate.ts';
import type { Samples } from './resize.ts';

const ORIENTATION = 0x0112;
/** Bytes of a number by its TIFF type: SHORT and LONG, their signed forms, SBYTE and IFD. */
const NUMBER_BYTES: Readonly<Record<number, number>> = { 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4 };
const EXIF_PREFIX = [0x45, 0x78, 0x69, 0x66, 0, 0];
/** Text chunks may be compressed; metadata larger than this is not looked at. */
const MAX_TEXT = 2 ** 20;

/** The orientation tag of EXIF data, or null without one (or where the data is damaged). */
function exif_orientation(exif: Uint8Array): number | null {
  let start = 0;
  while (EXIF_PREFIX.every((byte, i) => exif[start + i] === byte)) start += EXIF_PREFIX.length;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  const fits = (end: number): boolean => end <= view.byteLength;
  if (!fits(8)) return null;
  const little = view.getUint16(0) === 0x4949;
  if ((!little && view.getUint16(0) !== 0x4d4d) || view.getUint16(2, little) !== 42) return null;
  const directory = view.getUint32(4, little);
  if (!fits(directory + 2)) return null;
  const count = view.getUint16(directory, little);
  for (let entry = directory + 2; entry < directory + 2 + 12 * count && fits(entry + 12); entry += 12) {
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const bytes = NUMBER_BYTES[view.getUint16(entry + 2, little)];
    // A tag that is not one number (Pillow reads BYTE as a string) is there, but turns nothing.
    if (bytes === undefined || view.getUint32(entry + 4, little) !== 1) return 1;
    const at = entry + 8;
    return bytes === 1
      ? view.getUint8(at)
      : bytes === 2
        ? view.getUint16(at, little)
        : view.getUint32(at, little);
  }
  return null;
}

/** Orientation by a picture's EXIF, else by its XMP; else 1. */
export function orientation_of(exif: Uint8Array | undefined, xmp: string = ''): number {
  const own = exif === undefined ? null : exif_orientation(exif);
  const match = /tiff:Orientation(="|>)([0-9])/.exec(xmp);
  return own ?? (match === null ? 1 : Number(match[2]));
}

/** A chunk of a PNG, as far as it matters here. */
export interface MetadataChunk {
  readonly type: string;
  readonly data: Uint8Array;
}

/** Orientation of a PNG by its chunks: eXIf, else the hexadecimal EXIF that ImageMagick writes, else XMP; else 1. */
export async function png_orientation(chunks: readonly MetadataChunk[]): Promise<number> {
  const texts = new Map<string, string>();
  for (const chunk of chunks) {
    const entry = await read_text(chunk);
    if (entry !== null) texts.set(entry.key, entry.text);
  }
  let exif = chunks.filter((chunk) => chunk.type === 'eXIf').at(-1)?.data;
  const profile = texts.get('Raw profile type exif');
  if (exif === undefined && profile !== undefined) {
    const digits =
      profile
        .split('\n')
        .slice(3)
        .join('')
        .match(/[0-9a-f]{2}/gi) ?? [];
    exif = Uint8Array.from(digits, (pair) => parseInt(pair, 16));
  }
  return orientation_of(exif, texts.get('XML:com.adobe.xmp'));
}

/** Key and text of a tEXt, zTXt or iTXt chunk that may hold an orientation. */
async function read_text({ type, data }: MetadataChunk): Promise<{ key: string; text: string } | null> {
  if (type !== 'tEXt' && type !== 'zTXt' && type !== 'iTXt') return null;
  const key_end = data.indexOf(0);
  const key = latin1(data.subarray(0, Math.max(0, key_end)));
  if (key !== 'XML:com.adobe.xmp' && key !== 'Raw profile type exif') return null;
  let at = key_end + 1;
  let compressed = type === 'zTXt';
  if (type === 'iTXt') {
    compressed = data[at] !== 0;
    // Language and translated key follow the two compression bytes.
    at = data.indexOf(0, data.indexOf(0, at + 2) + 1) + 1;
  } else if (compressed) {
    at += 1;
  }
  const text = data.subarray(at);
  const plain = compressed ? await inflate_bytes(text, MAX_TEXT) : text;
  return plain === null ? null : { key, text: latin1(plain) };
}

export function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

/** Turns a picture upright: 2 … 8 are mirrored, upside down, both, transposed, and so on; other numbers do nothing. */
export function turn_upright(image: Samples, orientation: number): Samples {
  if (!(orientation >= 2 && orientation <= 8)) return image;
  const { data, width, height, channels } = image;
  const swapped = orientation >= 5;
  const [out_width, out_height] = swapped ? [height, width] : [width, height];
  const flip_x = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
  const flip_y = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
  // A step to the next column or row of the result is one of these in the source.
  const column = flip_x ? -channels : channels;
  const row = flip_y ? -width * channels : width * channels;
  const [step_x, step_y] = swapped ? [row, column] : [column, row];
  let start = ((flip_y ? height - 1 : 0) * width + (flip_x ? width - 1 : 0)) * channels;
  const out = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < out_height; y++, start += step_y)
    for (let x = 0, from = start; x < out_width; x++, from += step_x)
      for (let c = 0; c < channels; c++) out[to++] = data[from + c]!;
  return { data: out, width: out_width, height: out_height, channels };
}
