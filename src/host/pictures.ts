// `align-wasm/image`: the decoders of pictures, for whoever has left them out with `align-wasm/core`.

import { AlignError, show } from './errors.ts';
import { is_source, type RawPixels } from './image.ts';
import { CALL_RULES, check_options, positive_integer, type Rules } from './options.ts';
import { platform } from '#platform';
import { read_picture as read } from './processor/decode.ts';
import type { ImageSource } from './processor/image_bytes.ts';

export { use_webp, type WebpDecoder } from './processor/webp.ts';
export type { ImageSource, RawPixels };

/** Options of {@link read_picture}. */
export interface PictureOptions {
  /** Most pixels that a file may have; checked before it is decoded. Default 16,777,216; 4,194,304 on edge runtimes. */
  max_pixels?: number | undefined;
  signal?: AbortSignal | undefined;
}

const RULES: Rules<PictureOptions> = { max_pixels: positive_integer, signal: CALL_RULES.signal };

/**
 * The samples of a PNG, JPEG or WebP file, upright by its EXIF orientation, with alpha where it has one: what every call
 * that takes pictures takes in place of the file, with the same bits.
 * @throws AlignError as `RawImage.read`
 */
export async function read_picture(source: ImageSource, options: PictureOptions = {}): Promise<RawPixels> {
  check_options('read_picture', options, RULES);
  if (!is_source(source))
    throw new AlignError('invalid_argument', `A picture's file cannot be read from ${show(source)}`, {
      hint: 'give a path, a URL, bytes, a Blob, a Response or a stream',
    });
  return read(source, options.max_pixels ?? platform.max_pixels, options.signal);
}
