// A picture's file to samples, by the decoder of its kind.

import { image_bytes, other_kind, type ImageSource } from './image_bytes.ts';
import { is_jpeg, read_jpeg } from './jpeg.ts';
import { turn_upright } from './orientation.ts';
import { is_png, read_png } from './png.ts';
import type { Samples } from './resize.ts';
import { is_webp, read_webp } from './webp.ts';

/** A decoded file, not yet turned upright. */
export interface Decoded extends Samples {
  readonly data: Uint8Array;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

/** A file's picture, upright, with the channels that it has. @throws AlignError as reading its bytes and decoding them. */
export async function read_picture(
  source: ImageSource,
  max_pixels: number,
  signal: AbortSignal | undefined,
): Promise<Samples> {
  const file = await decode_image(await image_bytes(source, signal), max_pixels, signal);
  return turn_upright(file, file.orientation);
}

/** Decodes a file. @throws AlignError `corrupt_image`, `unsupported_image`, `too_large`, `out_of_memory`, `aborted`. */
async function decode_image(
  bytes: Uint8Array,
  max_pixels: number,
  signal: AbortSignal | undefined,
): Promise<Decoded> {
  if (is_png(bytes)) return read_png(bytes, max_pixels);
  if (is_jpeg(bytes)) return read_jpeg(bytes, max_pixels, signal);
  if (is_webp(bytes)) return read_webp(bytes, max_pixels);
  throw other_kind(bytes);
}
