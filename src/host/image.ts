// Pictures: from whatever a caller has (a path, bytes, a Blob, a response, raw samples) to samples, as transformers'
// load_image gives them: turned upright, RGB, eight bits.

import { platform } from '#platform';
import { AlignError, show, tag_of, throw_if_aborted, within_memory } from './errors.ts';
import { CALL_RULES, check_options, flag, positive_integer, type Background, type Rules } from './options.ts';
import { read_picture } from './processor/decode.ts';
import type { ImageSource } from './processor/image_bytes.ts';
import type { Samples } from './processor/resize.ts';

/** Raw samples: rows top to bottom, interleaved, eight bits; grey, grey + alpha, RGB or RGBA. An ImageData is one. */
export interface RawPixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** Default: what the length of `data` comes to. */
  readonly channels?: number;
}

/**
 * What a picture may be given as: a path or URL, the bytes of a PNG, JPEG or WebP file, a Blob, response or stream; raw
 * samples (an ImageData too), or an ImageBitmap.
 */
export type ImageInput = RawImage | RawPixels | ImageBitmap | ImageSource;

/** Options of {@link RawImage.read}. */
export interface ReadOptions {
  /** What a transparent pixel becomes. 'drop', the default, discards alpha, as Pillow does. */
  background?: Background | undefined;
  /** Most pixels that a file may have; checked before it is decoded. Default 16,777,216; 4,194,304 on edge runtimes. */
  max_pixels?: number | undefined;
  /** false leaves raw samples as they are, with their channels. Default true. */
  do_convert_rgb?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** How each option is checked. */
export const READ_RULES: Rules<ReadOptions> = {
  background: CALL_RULES.background,
  max_pixels: positive_integer,
  do_convert_rgb: flag,
  signal: CALL_RULES.signal,
};

/** A picture's samples: rows top to bottom, interleaved, eight bits. */
export class RawImage implements Samples {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA. */
  readonly channels: number;

  /**
   * `channels`: by default what the length of `data` comes to.
   * @throws AlignError `invalid_argument` when the sizes and the samples do not belong together.
   */
  constructor(data: Uint8Array | Uint8ClampedArray, width: number, height: number, channels?: number) {
    if (!ArrayBuffer.isView(data) || !['Uint8Array', 'Uint8ClampedArray'].includes(tag_of(data)))
      throw new AlignError('invalid_argument', `A picture's data must be bytes, not ${show(data)}`);
    if (![width, height].every((size) => Number.isSafeInteger(size) && size > 0))
      throw new AlignError('invalid_argument', `A picture cannot be ${show(width)} x ${show(height)} pixels`);
    const count = channels ?? (Math.ceil(data.length / (width * height)) || 1);
    if (![1, 2, 3, 4].includes(count))
      throw new AlignError('invalid_argument', `A picture has 1 to 4 channels, not ${show(count)}`);
    if (data.length !== width * height * count)
      throw new AlignError(
        'invalid_argument',
        `${width} x ${height} pixels of ${count} channels are ${width * height * count} bytes, data has ${data.length}`,
      );
    this.data = data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.length);
    this.width = width;
    this.height = height;
    this.channels = count;
  }

  /**
   * Reads a picture as transformers' `load_image`: upright by its EXIF orientation, converted to RGB as Pillow does.
   *
   * A file's bytes are the exact path: the same samples in every runtime. Raw samples are taken as they are. An
   * ImageBitmap (browsers and their workers; it stays open) is what the browser made of a picture, which may differ from
   * browser to browser: it has decoded a JPEG by a decoder of its own, converted colours by an embedded profile, perhaps
   * turned and resized it; where a pixel is not opaque, its colour went through multiplication with alpha and back, rounded,
   * which shows where alpha is dropped (black where it was 0), hardly on a `background`; and a browser that guards against fingerprinting may add noise. Of an opaque picture
   * without a profile, losslessly stored, it gives the same samples as the file.
   * A stream or server that stalls is waited for until `signal` fires.
   * @throws AlignError `corrupt_image`, `unsupported_image`, `too_large`, `not_found`, `network`, `invalid_argument`, `aborted`.
   */
  static async read(input: ImageInput, options: ReadOptions = {}): Promise<RawImage> {
    check_options('RawImage.read', options, READ_RULES);
    return within_memory(async () => {
      const {
        background = 'drop',
        max_pixels = platform.max_pixels,
        do_convert_rgb = true,
        signal,
      } = options;
      throw_if_aborted(signal);
      if (is_bitmap(input)) {
        if (input.width === 0)
          throw new AlignError('invalid_argument', 'The ImageBitmap is closed: it has no pixels');
        check_pixels(input, max_pixels);
        const image = from_pixels(platform.bitmap_pixels(input));
        return do_convert_rgb ? image.rgb(background) : image;
      }
      if (is_pixels(input)) {
        const image = from_pixels(input);
        check_pixels(image, max_pixels);
        return do_convert_rgb ? image.rgb(background) : image;
      }
      if (!is_source(input))
        throw new AlignError('invalid_argument', `A picture cannot be read from ${show(input)}`, {
          hint: 'give a path, a URL, bytes, a Blob, a Response, a stream, an ImageData, an ImageBitmap or { data, width, height, channels }',
        });
      return from_pixels(await read_picture(input, max_pixels, signal)).rgb(background);
    });
  }

  /**
   * The picture in RGB. Grey is repeated. Alpha is dropped, or the picture is laid on a ground:
   * floor((sample * alpha + ground * (255 - alpha) + 127) / 255), which is what Pillow's alpha_composite gives.
   */
  rgb(background: Background = 'drop'): RawImage {
    // Once more: its buffer may have shrunk or gone to a worker since it was made.
    const { data, width, height, channels } = from_pixels(this);
    if (channels === 3) return this;
    const [r, g, b] = channels < 3 ? [0, 0, 0] : [0, 1, 2];
    const out = new Uint8Array(width * height * 3);
    const alpha = background !== 'drop' && channels !== 1;
    for (let from = 0, to = 0; to < out.length; from += channels, to += 3) {
      out[to] = data[from + r]!;
      out[to + 1] = data[from + g]!;
      out[to + 2] = data[from + b]!;
      if (!alpha) continue;
      const a = data[from + channels - 1]!;
      for (let c = 0; c < 3; c++)
        out[to + c] = Math.floor((out[to + c]! * a + background[c]! * (255 - a) + 127) / 255);
    }
    return new RawImage(out, width, height, 3);
  }
}

/** By its tag, as a bitmap may come from another frame, and not every runtime has the class. */
export function is_bitmap(input: unknown): input is ImageBitmap {
  return tag_of(input) === 'ImageBitmap';
}

export function is_pixels(input: unknown): input is RawImage | RawPixels {
  return (
    typeof input === 'object' && input !== null && 'data' in input && 'width' in input && 'height' in input
  );
}

function from_pixels({ data, width, height, channels }: RawPixels): RawImage {
  return new RawImage(data, width, height, channels);
}

/** Whether a picture is given as a file, wherever it is. */
export function is_source(input: unknown): input is ImageSource {
  return (
    typeof input === 'string' ||
    input instanceof URL ||
    ArrayBuffer.isView(input) ||
    tag_of(input) === 'ArrayBuffer' ||
    input instanceof Blob ||
    input instanceof Response ||
    input instanceof ReadableStream
  );
}

function check_pixels({ width, height }: { width: number; height: number }, max_pixels: number): void {
  if (width * height > max_pixels)
    throw new AlignError(
      'too_large',
      `The picture has ${width} x ${height} pixels, the limit is ${max_pixels} pixels`,
      { detail: { width, height, max_pixels }, hint: 'raise max_pixels, or make the picture smaller' },
    );
}
