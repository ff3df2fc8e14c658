// An ImageBitmap's samples, where there is a canvas.

import { AlignError } from '../errors.ts';
import type { RawPixels } from '../image.ts';

/** Draws the bitmap and reads the drawing, RGBA in sRGB. Workers have no elements, older browsers no OffscreenCanvas. */
export function bitmap_pixels(bitmap: ImageBitmap): RawPixels {
  const { width, height } = bitmap;
  try {
    const canvas =
      typeof OffscreenCanvas === 'undefined'
        ? Object.assign(document.createElement('canvas'), { width, height })
        : new OffscreenCanvas(width, height);
    // Read at once, so it is drawn in memory and not by the GPU.
    const context = canvas.getContext('2d', {
      willReadFrequently: true,
    }) as OffscreenCanvasRenderingContext2D;
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    throw new AlignError('unsupported_image', `The ImageBitmap cannot be read here: ${String(cause)}`, {
      hint: 'pass the bytes of the file, or its samples as { data, width, height, channels }',
      cause,
    });
  }
}
