// WebP files, through a decoder that is not part of this package: @jsquash/webp (libwebp in WebAssembly), an optional peer
// dependency. Node, Deno and Bun find it where it is installed; elsewhere it is handed over once by use_webp(). Its samples
// equal Pillow's to the bit, lossless and lossy, with alpha too (measured with libwebp 1.6 in Pillow 13).

import { pictures } from '#platform';
import { AlignError, out_of_memory, show } from '../errors.ts';
import { latin1, orientation_of } from './orientation.ts';
import type { Samples } from './resize.ts';

/** Decodes a WebP file to RGBA: the `decode` of @jsquash/webp. */
export type WebpDecoder = (bytes: ArrayBuffer) => Promise<{
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}>;

/** A decoded WebP in RGBA, not yet turned upright. */
export interface Webp extends Samples {
  readonly data: Uint8Array;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

/** As many as a PNG may have; a picture has some ten. */
const MAX_CHUNKS = 32_768;
/** Flags of the header VP8X, by the chunk that each announces. */
const FLAGS: Readonly<Record<string, number>> = { 'XMP ': 4, EXIF: 8 };

let handed: WebpDecoder | null = null;

/**
 * Makes WebP files readable in browsers and Workers:
 *
 *     import decode from '@jsquash/webp/decode.js';
 *     use_webp(decode);
 *
 * On Workers its module is handed over first: `init(module)`, with the module imported from
 * `@jsquash/webp/codec/dec/webp_dec.wasm`.
 * @throws AlignError `invalid_argument`
 */
export function use_webp(decode: WebpDecoder): void {
  if (typeof decode !== 'function')
    throw new AlignError('invalid_argument', `use_webp takes the function that decodes, not ${show(decode)}`);
  handed = decode;
}

/** Whether a file is for a decoder that was handed over, which no other thread has. */
export function decodes_here(bytes: Uint8Array): boolean {
  return handed !== null && is_webp(bytes);
}

export function is_webp(bytes: Uint8Array): boolean {
  return bytes.length >= 12 && name_at(bytes, 0) === 'RIFF' && name_at(bytes, 8) === 'WEBP';
}

function corrupt(why: string, cause?: unknown): AlignError {
  return new AlignError('corrupt_image', `The WebP is damaged: ${why}`, { cause });
}

/** Decodes a WebP. @throws AlignError `corrupt_image`, `unsupported_image`, `too_large`. */
export async function read_webp(bytes: Uint8Array, max_pixels: number): Promise<Webp> {
  const { width, height, orientation } = read_chunks(bytes);
  if (width * height > max_pixels)
    throw new AlignError(
      'too_large',
      `The picture has ${width} x ${height} pixels, the limit is ${max_pixels} pixels`,
      { detail: { width, height, max_pixels }, hint: 'raise max_pixels, or make the picture smaller' },
    );
  const decode = handed ?? (await pictures.webp());
  if (decode === null)
    throw new AlignError('unsupported_image', 'The picture is a WebP file, and there is no decoder for it', {
      hint: 'install @jsquash/webp; in browsers and Workers hand its decode to use_webp()',
    });
  const image = await decode(Uint8Array.from(bytes).buffer).catch((cause: unknown) => {
    throw out_of_memory(cause) ?? corrupt('it does not decode', cause);
  });
  if (image.width !== width || image.height !== height) throw corrupt('its headers disagree on its size');
  return { data: Uint8Array.from(image.data), width, height, channels: 4, orientation };
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly orientation: number;
}

/** Size and orientation by the chunks of the file, which must be whole. As libwebp, it skips what no header announces. */
function read_chunks(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 8 + view.getUint32(4, true);
  if (end > bytes.length) throw corrupt(`it has ${end} bytes, the file ends after ${bytes.length}`);
  const flags = name_at(bytes, 12) === 'VP8X' ? bytes[20] : undefined;
  let size: readonly [number, number] | null = null;
  const metadata: Record<string, Uint8Array> = {};
  let count = 0;
  for (let at = 12; at + 8 <= end;) {
    if (++count > MAX_CHUNKS)
      throw new AlignError('too_large', `The WebP has more than ${MAX_CHUNKS} chunks`, {
        detail: { max_chunks: MAX_CHUNKS },
      });
    const name = name_at(bytes, at);
    const length = view.getUint32(at + 4, true);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (at + 8 + length > end) throw corrupt(`chunk ${show(name)} at byte ${at} has ${length} bytes`);
    if (name === 'ANIM')
      throw new AlignError('unsupported_image', 'The picture is an animated WebP', {
        hint: 'convert one of its frames to PNG',
      });
    if (name === 'VP8 ' || name === 'VP8L' || name === 'ALPH') {
      if (size !== null && flags !== undefined) throw corrupt(`chunk ${show(name)} follows the picture`);
      if (name !== 'ALPH') size ??= name === 'VP8 ' ? lossy_size(data) : lossless_size(data);
    } else if (((flags ?? 0) & (FLAGS[name] ?? 0)) !== 0) metadata[name] ??= data;
    at += 8 + length + (length & 1);
  }
  if (size === null) throw corrupt('it has no picture');
  const { EXIF: exif, 'XMP ': xmp } = metadata;
  const orientation = orientation_of(exif, xmp === undefined ? undefined : latin1(xmp));
  return { width: size[0], height: size[1], orientation };
}

/** The frame of VP8 has its size after three bytes and a start code; two bits of each number scale and mean nothing here. */
function lossy_size(data: Uint8Array): readonly [number, number] {
  if (data.length < 10 || data[3] !== 0x9d || data[4] !== 0x01 || data[5] !== 0x2a)
    throw corrupt('its frame has no start code');
  return [(data[6]! | (data[7]! << 8)) & 0x3fff, (data[8]! | (data[9]! << 8)) & 0x3fff];
}

/** Two numbers of 14 bits, each less by one, after the signature. */
function lossless_size(data: Uint8Array): readonly [number, number] {
  if (data.length < 5 || data[0] !== 0x2f) throw corrupt('its frame has no signature');
  const bits = data[1]! | (data[2]! << 8) | (data[3]! << 16) | (data[4]! << 24);
  return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
}

function name_at(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
