// The orientation that a PNG's chunks tell: EXIF, as it is or as text, and XMP. Of several the last counts, as to Pillow.

import { pictures } from '#platform';
import { latin1, orientation_of } from './orientation.ts';

const XMP = 'XML:com.adobe.xmp';
/** EXIF in hexadecimal digits, by ImageMagick. */
const PROFILE = 'Raw profile type exif';
/** Compressed texts and digits are not looked at where there are more of them. */
const MAX_TEXT = 2 ** 20;

/** A chunk of a PNG, as far as it matters here. */
export interface MetadataChunk {
  readonly type: string;
  readonly data: Uint8Array;
}

interface Text {
  readonly data: Uint8Array;
  readonly compressed: boolean;
}

/** Orientation of a PNG by its chunks: EXIF's, else XMP's; else 1. */
export async function png_orientation(chunks: readonly MetadataChunk[]): Promise<number> {
  let exif: Uint8Array | undefined;
  let xmp: Text | undefined;
  let profile: Text | undefined;
  for (const { type, data } of chunks) {
    if (type === 'eXIf') exif = data;
    const key = /^[tzi][TE]Xt$/.test(type) ? key_of(data) : null;
    if (key === 'exif' && type === 'tEXt') exif = data.subarray(key.length + 1);
    else if (key === XMP) xmp = read_text(type, data, key.length + 1) ?? xmp;
    else if (key === PROFILE) profile = read_text(type, data, key.length + 1) ?? profile;
  }
  if (exif === undefined && profile !== undefined && profile.data.length <= MAX_TEXT)
    exif = read_digits(await unpacked(profile));
  return orientation_of(exif, await unpacked(xmp));
}

/** What stands before the first zero, where that is not too long for a key. */
function key_of(data: Uint8Array): string {
  return latin1(data.subarray(0, Math.max(0, data.subarray(0, 80).indexOf(0))));
}

/** What stands behind the key of a tEXt, zTXt or iTXt chunk; null where it cannot be read. */
function read_text(type: string, data: Uint8Array, at: number): Text | null {
  if (type === 'tEXt') return { data: data.subarray(at), compressed: false };
  if (type === 'zTXt') return data[at] === 0 ? { data: data.subarray(at + 1), compressed: true } : null;
  const compressed = data[at] !== 0;
  const language = data.indexOf(0, at + 2);
  const translated = data.indexOf(0, language + 1);
  // Pillow asks for both ends; and for the one method that there is.
  if (language < 0 || translated < 0 || (compressed && data[at + 1] !== 0)) return null;
  return { data: data.subarray(translated + 1), compressed };
}

/** A text's letters; none where it is damaged or inflates to too many. */
async function unpacked(text: Text | undefined): Promise<string> {
  if (text === undefined) return '';
  const { data, compressed } = text;
  if (!compressed) return latin1(data);
  const parts: string[] = [];
  const size = await pictures
    .inflate([data], MAX_TEXT, (part) => void parts.push(latin1(part)))
    .catch(() => Infinity);
  return size > MAX_TEXT ? '' : parts.join('');
}

/** The bytes that the hexadecimal digits from the fourth line on stand for. */
function read_digits(text: string): Uint8Array {
  const digits = /^(?:[^\n]*\n){3}([^]*)/.exec(text)?.[1]!.replace(/\s+/g, '') ?? '';
  return Uint8Array.from({ length: digits.length >> 1 }, (_, i) =>
    parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}
