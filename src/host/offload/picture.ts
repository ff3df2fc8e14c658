// A picture on its way to the worker: fetched or read here, decoded there.

import { RawImage, is_bitmap, is_pixels, is_source, type ImageInput } from '../image.ts';
import type { Transfer } from '../platform/platform.ts';
import { image_bytes } from '../processor/image_bytes.ts';
import type { ImageSettings } from '../processor/image_settings.ts';
import type { PlaneOptions } from '../processor/image_processor.ts';
import { decodes_here } from '../processor/webp.ts';
import type { PlanesQuestion } from './protocol.ts';

/** What goes over, and what of its memory. All of it is copied once: the picture stays the caller's. */
export async function sent_picture(
  input: ImageInput,
  settings: ImageSettings,
  { max_pixels, signal }: PlaneOptions,
): Promise<readonly [picture: PlanesQuestion['picture'], transfer: Transfer[]]> {
  const { background, do_convert_rgb } = settings;
  const here = (): Promise<RawImage> =>
    RawImage.read(input, { background, do_convert_rgb, max_pixels, signal });
  if (is_bitmap(input)) return can_go(input) ? [input, []] : samples(await here());
  if (is_pixels(input)) return samples(await RawImage.read(input, { do_convert_rgb: false, max_pixels }));
  // What is no picture at all is refused in the same words.
  if (!is_source(input)) return samples(await here());
  const bytes = (await image_bytes(input, signal)).slice();
  if (decodes_here(bytes)) return samples(await RawImage.read(bytes, { background, max_pixels, signal }));
  return [bytes, [bytes.buffer]];
}

function samples({ data, width, height, channels }: RawImage): [PlanesQuestion['picture'], Transfer[]] {
  const own = data.slice();
  return [{ data: own, width, height, channels }, [own.buffer]];
}

/** Whether a message can hold a bitmap: not a closed one, and not in every runtime that has bitmaps. */
function can_go(bitmap: ImageBitmap): boolean {
  return bitmap.width > 0 && typeof OffscreenCanvas !== 'undefined';
}
