// What the targets for pictures share.

import { AlignError } from '../../../src/host/errors.ts';
import { read_picture } from '../../../src/host/processor/decode.ts';
import type { Samples } from '../../../src/host/processor/resize.ts';
import type { Dice } from '../dice.ts';

/** A picture, or the error that there was in its place. */
export type Outcome = { samples: Samples; error: null } | { samples: null; error: AlignError };

/** Reads a picture's file. Throws an Error where a picture is not what its own sizes say, or too large. */
export async function outcome_of(bytes: Uint8Array, max_pixels: number): Promise<Outcome> {
  let samples: Samples;
  try {
    samples = await read_picture(bytes, max_pixels, undefined);
  } catch (error) {
    if (error instanceof AlignError) return { samples: null, error };
    throw error;
  }
  const { width, height, channels, data } = samples;
  if (width * height > max_pixels) throw new Error(`${width} x ${height} pixels were let in`);
  if (width * height === 0 || data.length !== width * height * channels)
    throw new Error(`${data.length} samples for ${width} x ${height} x ${channels}`);
  return { samples, error: null };
}

/** Texts that readers of metadata look for. */
export const TEXTS: readonly string[] = [
  'tiff:Orientation="6"',
  'tiff:Orientation="9999999999"',
  'tiff:Orientation>3',
  '\nexif\n      18\n45786966000049492a00080000000100120103000100000006000000\n',
  '\nexif\n1\nzz',
  '',
  'x'.repeat(3000),
];

/** A directory of EXIF with an orientation, its numbers off now and then. */
export function exif(dice: Dice): Uint8Array {
  const bytes = new Uint8Array(8 + 2 + 12 * 2 + 4);
  const view = new DataView(bytes.buffer);
  const little = dice.chance(0.5);
  const number = (right: number): number =>
    dice.chance(0.9) ? right : dice.pick([0, 1, 0xff, 0xffff, 0xffffffff]);
  view.setUint16(0, little ? 0x4949 : 0x4d4d);
  view.setUint16(2, number(42), little);
  view.setUint32(4, number(8), little);
  view.setUint16(8, number(2), little);
  for (const at of [10, 22]) {
    view.setUint16(at, at === 22 ? number(0x0112) : 0x010f, little);
    view.setUint16(at + 2, number(dice.pick([3, 4, 1, 2])), little);
    view.setUint32(at + 4, number(1), little);
    view.setUint16(at + 8, number(1 + dice.below(9)), little);
  }
  return dice.chance(0.8) ? bytes : bytes.subarray(0, dice.below(bytes.length));
}
