// JPEG files through @jsquash/jpeg (MozJPEG in WebAssembly), which gives libjpeg-turbo's and so Pillow's samples to the
// bit. jpeg_markers.ts checks the file first. One thing differs, 4:4:0: Pillow's libjpeg-turbo interpolates between the
// rows of colour, MozJPEG repeats them. There the decoder is told that the components are red, green and blue, so it hands
// them out as they are, and the interpolation and the conversion are done here.

import mozjpeg from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import { platform } from '#platform';
import { AlignError } from '../errors.ts';
import { read_markers, type JpegHeader } from './jpeg_markers.ts';
import type { Samples } from './resize.ts';

export { is_jpeg } from './jpeg_markers.ts';

/** A decoded JPEG in RGB; not yet turned upright. */
export interface Jpeg extends Samples {
  readonly data: Uint8Array;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

interface Decoder {
  /** RGBA; null, a thrown number, exit or trap on failure. */
  decode(bytes: Uint8Array, preserve_orientation: boolean): ImageData | null;
  readonly HEAPU8: Uint8Array;
  /** What it printed: it warns of damaged data there. */
  readonly printed: string[];
}

/** Above this size a decoder is dropped after use: its memory never shrinks. */
const KEEP_BYTES = 64 * 2 ** 20;
/** Warnings after which its picture is partly made up. Stray bytes between segments do no harm. */
const DAMAGED = /premature end|bad huffman|instead of rst/i;
const NOT_SUPPORTED = /unsupported|not implemented|maximum supported/i;

let decoder: Promise<Decoder> | null = null;

/** Decodes a JPEG. @throws AlignError `corrupt_image`, `unsupported_image`, `too_large`, `out_of_memory`, `not_found`. */
export async function read_jpeg(bytes: Uint8Array, max_pixels: number): Promise<Jpeg> {
  const header = read_markers(bytes, max_pixels);
  const { width, height, orientation } = header;
  const coarse = coarse_rows(header);
  const rgba = await decode(coarse.length > 0 ? with_raw_components(bytes, header) : bytes, header);
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  for (const component of coarse) interpolate_rows(data, width, height, component);
  if (coarse.length > 0 && !header.rgb) convert_to_rgb(data);
  return { data, width, height, channels: 3, orientation };
}

async function decode(bytes: Uint8Array, { width, height }: JpegHeader): Promise<Uint8ClampedArray> {
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
    const image = own.decode(bytes, true);
    const warning = printed.find((line) => DAMAGED.test(line));
    if (image?.width !== width || image.height !== height || warning !== undefined)
      throw new AlignError('corrupt_image', `The JPEG is damaged: ${warning ?? 'it does not decode'}`);
    keep = own.HEAPU8.byteLength <= KEEP_BYTES;
    return image.data;
  } catch (cause) {
    throw failure(cause, printed.at(-1));
  } finally {
    // After a failure its memory is in no known state.
    if (!keep && decoder === used) decoder = null;
  }
}

async function start(): Promise<Decoder> {
  const module = await platform.jpeg_wasm();
  const printed: string[] = [];
  const options: Record<string, unknown> = {
    noInitialRun: true,
    print: () => undefined,
    printErr: (line: string) => printed.push(line),
  };
  if (module !== null)
    options['instantiateWasm'] = (
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance) => void,
    ) => {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance);
      return instance.exports;
    };
  const load = mozjpeg as unknown as (options: Record<string, unknown>) => Promise<Omit<Decoder, 'printed'>>;
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

/** Indices of components with all columns and half of the rows. */
function coarse_rows({ components }: JpegHeader): number[] {
  const [h_max, v_max] = [
    Math.max(...components.map(({ h }) => h)),
    Math.max(...components.map(({ v }) => v)),
  ];
  return components.flatMap(({ h, v }, i) => (h === h_max && v * 2 === v_max ? [i] : []));
}

/** Adobe's segment for "red, green and blue": its name, version, two flags, transform 0. */
const ADOBE_RGB = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0];

function with_raw_components(bytes: Uint8Array, { tables, scans }: JpegHeader): Uint8Array<ArrayBuffer> {
  const parts = [bytes.subarray(0, 2), Uint8Array.from(ADOBE_RGB), ...tables, bytes.subarray(scans)];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** libjpeg-turbo's h1v2_fancy_upsample: three quarters of the nearer row, one of the further; the ends are repeated. */
function interpolate_rows(data: Uint8Array, width: number, height: number, component: number): void {
  const rows = Math.ceil(height / 2);
  const source = new Uint8Array(rows * width);
  for (let i = 0; i < source.length; i++)
    source[i] = data[(2 * Math.floor(i / width) * width + (i % width)) * 3 + component]!;
  for (let y = 0; y < height; y++) {
    const near = (y >> 1) * width;
    const below = (y & 1) === 1;
    const far = Math.min(rows - 1, Math.max(0, (y >> 1) + (below ? 1 : -1))) * width;
    for (let x = 0; x < width; x++)
      data[(y * width + x) * 3 + component] =
        (3 * source[near + x]! + source[far + x]! + (below ? 2 : 1)) >> 2;
  }
}

/** Y, Cb, Cr to RGB in libjpeg's fixed point: 16 bits behind the point. */
function convert_to_rgb(data: Uint8Array): void {
  const clamped = new Uint8ClampedArray(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < data.length; i += 3) {
    const [y, cb, cr] = [data[i]!, data[i + 1]! - 128, data[i + 2]! - 128];
    clamped[i] = y + ((91881 * cr + 32768) >> 16);
    clamped[i + 1] = y + ((-22554 * cb - 46802 * cr + 32768) >> 16);
    clamped[i + 2] = y + ((116130 * cb + 32768) >> 16);
  }
}
