// Which way up a picture is: EXIF's orientation, or XMP's where EXIF has none, and the turn that it asks for (Pillow's
// Image.getexif and ImageOps.exif_transpose).

import type { Samples } from './resize.ts';

const ORIENTATION = 0x0112;
/** Bytes of a value by its TIFF type; 0 where there is no such type. */
const VALUE_BYTES: readonly number[] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8];
const EXIF_PREFIX = [0x45, 0x78, 0x69, 0x66, 0, 0];

/** The orientation tag of EXIF data, or null without one (or where the data is damaged). */
function exif_orientation(exif: Uint8Array): number | null {
  let start = 0;
  // Pillow passes over two of them.
  while (start < 12 && EXIF_PREFIX.every((byte, i) => exif[start + i] === byte)) start += EXIF_PREFIX.length;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  const fits = (end: number): boolean => end <= view.byteLength;
  if (!fits(8)) return null;
  const little = view.getUint16(0) === 0x4949;
  // In the wrong order of bytes, too.
  const known = [42, 42 << 8].includes(view.getUint16(2));
  if ((!little && view.getUint16(0) !== 0x4d4d) || !known) return null;
  const directory = view.getUint32(4, little);
  if (!fits(directory + 2)) return null;
  const count = view.getUint16(directory, little);
  let apart = 0;
  for (let entry = directory + 2; entry < directory + 2 + 12 * count && fits(entry + 12); entry += 12) {
    const type = view.getUint16(entry + 2, little);
    const bytes = view.getUint32(entry + 4, little) * (VALUE_BYTES[type] ?? 0);
    if (bytes === 0) continue;
    let at = entry + 8;
    if (bytes > 4) {
      // As Pillow: values that the file is too small for are passed over, one beyond its end ends the directory.
      apart += bytes;
      if (!fits(apart)) continue;
      at = view.getUint32(at, little);
      if (!fits(at + bytes)) return null;
    }
    if (view.getUint16(entry, little) === ORIENTATION) return first_number(view, at, type, little);
  }
  return null;
}

/** The first of a tag's values; 1 for bytes and texts, which are there, but turn nothing. */
function first_number(view: DataView, at: number, type: number, little: boolean): number {
  switch (type) {
    case 3: // SHORT and SSHORT: what is below 0 is no orientation in any case
    case 8:
      return view.getUint16(at, little);
    case 4: // LONG, SLONG and IFD
    case 9:
    case 13:
      return view.getUint32(at, little);
    case 5: // RATIONAL
      return view.getUint32(at, little) / view.getUint32(at + 4, little);
    case 10: // SRATIONAL
      return view.getInt32(at, little) / view.getInt32(at + 4, little);
    case 6: // SBYTE
      return view.getUint8(at);
    case 11: // FLOAT
      return view.getFloat32(at, little);
    case 12: // DOUBLE
      return view.getFloat64(at, little);
    case 16: // LONG8
      return Number(view.getBigUint64(at, little));
    default:
      return 1;
  }
}

/** Orientation by a picture's EXIF, else by its XMP; else 1. */
export function orientation_of(exif: Uint8Array | undefined, xmp: string = ''): number {
  const own = exif === undefined ? null : exif_orientation(exif);
  const match = /tiff:Orientation(="|>)([0-9])/.exec(xmp);
  return own ?? (match === null ? 1 : Number(match[2]));
}

export function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

/** Turns a picture upright: 2 … 8 are mirrored, upside down, both, transposed, and so on; other numbers do nothing. */
export function turn_upright(image: Samples, orientation: number): Samples {
  if (!(Number.isInteger(orientation) && orientation >= 2 && orientation <= 8)) return image;
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
