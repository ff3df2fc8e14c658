// The kinds of JPEG that @jsquash/jpeg decodes not at all (CMYK and YCCK) or otherwise than Pillow (4:4:0, where
// libjpeg-turbo 2.1 changed how halves are rounded), decoded here: the same samples as Pillow's, some times slower.

import { pause_every, YIELD_MS } from '../pause.ts';
import { read_coefficients } from './jpeg_coefficients.ts';
import type { Colours, JpegHeader } from './jpeg_markers.ts';
import { make_planes } from './jpeg_planes.ts';

/** Whether a JPEG is of such a kind. */
export function is_rare({ components }: JpegHeader): boolean {
  const h_max = Math.max(...components.map(({ h }) => h));
  const v_max = Math.max(...components.map(({ v }) => v));
  return components.length === 4 || components.some(({ h, v }) => h === h_max && v * 2 === v_max);
}

/** RGB samples, with turns for the event loop. @throws AlignError `corrupt_image`, `unsupported_image`, `aborted`. */
export async function read_rare(header: JpegHeader, signal?: AbortSignal): Promise<Uint8Array> {
  const { width, height, colours } = header;
  const pause = pause_every(YIELD_MS, signal);
  const planes = await make_planes(header, await read_coefficients(header, pause), pause);
  const out = new Uint8ClampedArray(width * height * 3);
  for (let y = 0; y < height; y++) {
    await pause();
    put_row(out, planes, y * width, width, colours);
  }
  return new Uint8Array(out.buffer);
}

function put_row(
  out: Uint8ClampedArray,
  planes: readonly Uint8Array[],
  from: number,
  width: number,
  colours: Colours,
): void {
  const [first, second = first, third = first, black] = planes;
  const ycc = colours === 'ycc' || colours === 'ycck';
  for (let i = from, to = from * 3; i < from + width; i++, to += 3) {
    if (ycc) {
      put_rgb(out, to, first![i]!, second![i]! - 128, third![i]! - 128);
    } else {
      out[to] = first![i]!;
      out[to + 1] = second![i]!;
      out[to + 2] = third![i]!;
    }
    if (black !== undefined) put_ink(out, to, black[i]!, colours === 'ycck');
  }
}

/** Y, Cb and Cr, the last two about 0, to RGB in libjpeg's fixed point: 16 bits behind the point. */
function put_rgb(out: Uint8ClampedArray, to: number, y: number, cb: number, cr: number): void {
  out[to] = y + ((91881 * cr + 32768) >> 16);
  out[to + 1] = y + ((-22554 * cb - 46802 * cr + 32768) >> 16);
  out[to + 2] = y + ((116130 * cb + 32768) >> 16);
}

/**
 * What Pillow makes of CMYK: it takes every file for an inverted one, as Adobe writes them, so a sample is 255 without ink,
 * and converts without a profile. libjpeg makes YCCK's first three samples inverted RGB.
 */
function put_ink(out: Uint8ClampedArray, to: number, black: number, inverted: boolean): void {
  for (let c = 0; c < 3; c++) {
    const ink = inverted ? out[to + c]! : 255 - out[to + c]!;
    const product = ink * black + 128;
    out[to + c] = black - (((product >> 8) + product) >> 8);
  }
}
