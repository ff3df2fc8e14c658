// JPEG files through @jsquash/jpeg (MozJPEG in WebAssembly), which gives libjpeg-turbo's and so Pillow's samples to the
// bit, but for a few kinds (jpeg_rare.ts). jpeg_markers.ts checks the file first.

import mozjpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import { pictures } from '#platform';
import { AlignError } from '../errors.ts';
import { emscripten_options } from './emscripten.ts';
import { read_markers, type JpegHeader } from './jpeg_markers.ts';
import { plain_jpeg } from './jpeg_plain.ts';
import { is_rare, read_rare } from './jpeg_rare.ts';
import type { Samples } from './resize.ts';

export { is_jpeg } from './jpeg_segments.ts';

/** A decoded JPEG in RGB; not yet turned upright. */
export interface Jpeg extends Samples {
  readonly data: Uint8Array;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

interface Decoder {
  /** RGBA; null, a thrown number, exit or trap on failure. */
  decode(bytes: Uint8Array, turn_upright: boolean): ImageData | null;
  readonly HEAPU8: Uint8Array;
  /** What it printed: it warns of damaged data there. */
  readonly printed: string[];
}

/** Above this size a decoder is dropped after use: its memory never shrinks. */
const KEEP_BYTES = 64 * 2 ** 20;
/** A warning that comes last: bytes behind the data of the last scan do no harm. */
const HARMLESS = /extraneous bytes before marker 0xd9/i;
/** Warnings after which its picture is partly made up. */
const DAMAGED = /premature end|bad huffman|instead of rst/i;
const NOT_SUPPORTED = /unsupported|not implemented|maximum supported/i;

let decoder: Promise<Decoder> | null = null;

/**
 * Decodes a JPEG.
 * @throws AlignError `corrupt_image`, `unsupported_image`, `too_large`, `out_of_memory`, `not_found`, `aborted`.
 */
export async function read_jpeg(bytes: Uint8Array, max_pixels: number, signal?: AbortSignal): Promise<Jpeg> {
  const header = read_markers(bytes, max_pixels);
  const { width, height, orientation } = header;
  const data = (is_rare(header) ? null : await decode(header)) ?? (await read_rare(header, signal));
  return { data, width, height, channels: 3, orientation };
}

/** RGB samples; null where the decoder has warned of something and would not tell what came after it. */
async function decode(header: JpegHeader): Promise<Uint8Array | null> {
  const { width, height } = header;
  const used = (decoder ??= start());
  let own: Decoder;
  try {
    own = await used;
  } catch (cause) {
    decoder = null;
    if (cause instanceof AlignError) throw cause;
    throw new AlignError('not_found', `The JPEG decoder could not be loaded: ${String(cause)}`, {
      hint: "serve @jsquash/jpeg's mozjpeg_dec.wasm beside its script",
      cause,
    });
  }
  const { printed } = own;
  printed.length = 0;
  let keep = false;
  try {
    const image = own.decode(plain_jpeg(header), false);
    const warning = printed.find((line) => !HARMLESS.test(line));
    if (image?.width !== width || image.height !== height || DAMAGED.test(warning ?? ''))
      throw new AlignError('corrupt_image', `The JPEG is damaged: ${warning ?? 'it does not decode'}`);
    keep = own.HEAPU8.byteLength <= KEEP_BYTES;
    return warning === undefined ? rgb_of(image.data) : null;
  } catch (cause) {
    throw failure(cause, printed.at(-1));
  } finally {
    // After a failure its memory is in no known state.
    if (!keep && decoder === used) decoder = null;
  }
}

function rgb_of(rgba: Uint8ClampedArray): Uint8Array {
  const data = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  return data;
}

async function start(): Promise<Decoder> {
  const module = await pictures.jpeg_wasm();
  const printed: string[] = [];
  const load = mozjpeg as unknown as (options: Record<string, unknown>) => Promise<Omit<Decoder, 'printed'>>;
  const options = emscripten_options(module, (line) => void printed.push(line));
  return Object.assign(await load(options), { printed });
}

/** The decoder throws a number where C++ threw (it has no memory left), else its program's exit, or a trap. */
function failure(cause: unknown, printed = 'it does not decode'): AlignError {
  if (cause instanceof AlignError) return cause;
  if (typeof cause === 'number' || cause instanceof RangeError || /memory/i.test(printed))
    return new AlignError('out_of_memory', 'The JPEG decoder ran out of memory', {
      hint: 'lower max_pixels, or make the picture smaller',
      cause,
    });
  return NOT_SUPPORTED.test(printed)
    ? new AlignError('unsupported_image', `The JPEG cannot be decoded: ${printed}`, { cause })
    : new AlignError('corrupt_image', `The JPEG is damaged: ${printed}`, { cause });
}
