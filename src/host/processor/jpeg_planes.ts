// From coefficients to samples as libjpeg-turbo does it, to the bit: the accurate integer inverse DCT (Loeffler, Ligtenberg
// and Moschytz, 13 bits behind the point), and "fancy" upsampling, which mixes three quarters of the nearer sample with
// one of the further.

import type { Blocks } from './jpeg_coefficients.ts';
import { unsupported } from './jpeg_errors.ts';
import type { Pause } from '../pause.ts';
import type { JpegHeader } from './jpeg_markers.ts';

/** One number for each pixel, or of a coarser grid. */
interface Plane {
  readonly width: number;
  readonly height: number;
  /** Samples from one row to the next. */
  readonly stride: number;
  readonly data: Uint8Array;
}

/** Each component's samples, [height, width]. @throws AlignError `unsupported_image` for sampling that is no whole number. */
export async function make_planes(
  { width, height, components }: JpegHeader,
  blocks: readonly Blocks[],
  pause: Pause,
): Promise<Uint8Array[]> {
  const h_max = Math.max(...components.map(({ h }) => h));
  const v_max = Math.max(...components.map(({ v }) => v));
  const planes: Uint8Array[] = [];
  for (const [i, { h, v }] of components.entries()) {
    const [columns, rows] = [h_max / h, v_max / v];
    if (!Number.isInteger(columns) || !Number.isInteger(rows))
      throw unsupported('has components whose sizes are no multiples of each other');
    const plane: Plane = {
      width: Math.ceil(width / columns),
      height: Math.ceil(height / rows),
      stride: blocks[i]!.stride * 8,
      data: await inverse_dct(blocks[i]!, pause),
    };
    const out = new Uint8Array(width * height);
    const line = new Int32Array(plane.width);
    for (let y = 0; y < height; y++) {
      await pause();
      // Pictures of one or two columns are only repeated, but rows alone are always mixed.
      const fancy = columns === 2 && rows <= 2 && plane.width > 2;
      const mixed = rows === 2 && (fancy || columns === 1);
      const target = out.subarray(y * width, (y + 1) * width);
      if (mixed) mix_rows(plane, y, line);
      else (columns === 1 ? target : line).set(row_of(plane, Math.floor(y / rows)));
      if (fancy) widen(line, target, mixed ? 4 : 1);
      else if (mixed) for (let x = 0; x < width; x++) target[x] = (line[x]! + 1 + (y & 1)) >> 2;
      else if (columns > 1) for (let x = 0; x < width; x++) target[x] = line[Math.floor(x / columns)]!;
    }
    planes.push(out);
  }
  return planes;
}

function row_of({ data, stride, width }: Plane, y: number): Uint8Array {
  return data.subarray(y * stride, y * stride + width);
}

/** Four times the samples of row `y` of a grid with twice the rows. The first and the last row are their own neighbours. */
function mix_rows(plane: Plane, y: number, line: Int32Array): void {
  const near = row_of(plane, y >> 1);
  const far = row_of(plane, Math.min(plane.height - 1, Math.max(0, (y >> 1) + (y & 1 ? 1 : -1))));
  for (let x = 0; x < line.length; x++) line[x] = 3 * near[x]! + far[x]!;
}

/** Twice the columns; `line` holds samples times `scale`. Halves are rounded up and down in turn. */
function widen(line: Int32Array, target: Uint8Array, scale: 1 | 4): void {
  const [shift, left, right] = scale === 1 ? [2, 1, 2] : [4, 8, 7];
  const end = line.length - 1;
  for (let x = 0; x < target.length; x++) {
    const i = x >> 1;
    // The first and the last column are their own neighbours.
    const far = line[x & 1 ? Math.min(end, i + 1) : Math.max(0, i - 1)]!;
    target[x] = (3 * line[i]! + far + (x & 1 ? right : left)) >> shift;
  }
}

/** [rows, stride, 64] coefficients to [rows * 8, stride * 8] samples. */
async function inverse_dct(
  { coefficients, ends, quantisation, stride }: Blocks,
  pause: Pause,
): Promise<Uint8Array> {
  const samples = new Uint8ClampedArray(coefficients.length);
  // A component without a scan is as if all its coefficients were 0.
  if (quantisation === null) return new Uint8Array(samples.buffer).fill(128);
  const width = stride * 8;
  const work = new Int32Array(64);
  for (let row = 0; row < coefficients.length; row += stride * 64) {
    await pause();
    for (let column = 0; column < stride; column++) {
      const from = row + column * 64;
      const to = row + column * 8;
      if (ends[from >> 6] === 0) {
        const mean = ((coefficients[from]! * quantisation[0]! + 4) >> 3) + 128;
        for (let i = 0; i < 64; i++) samples[to + (i >> 3) * width + (i & 7)] = mean;
        continue;
      }
      for (let i = 0; i < 64; i++) work[i] = coefficients[from + i]! * quantisation[i]!;
      for (let x = 0; x < 8; x++) transform(work, x, 8, 11);
      for (let y = 0; y < 8; y++) transform(work, y * 8, 1, 18);
      for (let i = 0; i < 64; i++) samples[to + (i >> 3) * width + (i & 7)] = work[i]! + 128;
    }
  }
  return new Uint8Array(samples.buffer);
}

/** Eight numbers, `step` apart, in place; `shift` takes bits behind the point away, rounding. */
function transform(d: Int32Array, at: number, step: number, shift: number): void {
  const [a0, a1, a2, a3] = [d[at]!, d[at + step]!, d[at + 2 * step]!, d[at + 3 * step]!];
  const [a4, a5, a6, a7] = [d[at + 4 * step]!, d[at + 5 * step]!, d[at + 6 * step]!, d[at + 7 * step]!];
  const half = 1 << (shift - 1);
  const turn = (a2 + a6) * 4433; // 0.541196100
  const e2 = turn - a6 * 15137; // 1.847759065
  const e3 = turn + a2 * 6270; // 0.765366865
  const [e0, e1] = [(a0 + a4) * 8192, (a0 - a4) * 8192];
  const [s0, s1, s2, s3] = [e0 + e3, e1 + e2, e1 - e2, e0 - e3];
  const z5 = (a7 + a3 + a5 + a1) * 9633; // 1.175875602
  const z1 = (a7 + a1) * -7373; // 0.899976223
  const z2 = (a5 + a3) * -20995; // 2.562915447
  const z3 = (a7 + a3) * -16069 + z5; // 1.961570560
  const z4 = (a5 + a1) * -3196 + z5; // 0.390180644
  const o0 = a7 * 2446 + z1 + z3; // 0.298631336
  const o1 = a5 * 16819 + z2 + z4; // 2.053119869
  const o2 = a3 * 25172 + z2 + z3; // 3.072711026
  const o3 = a1 * 12299 + z1 + z4; // 1.501321110
  d[at] = (s0 + o3 + half) >> shift;
  d[at + step] = (s1 + o2 + half) >> shift;
  d[at + 2 * step] = (s2 + o1 + half) >> shift;
  d[at + 3 * step] = (s3 + o0 + half) >> shift;
  d[at + 4 * step] = (s3 - o0 + half) >> shift;
  d[at + 5 * step] = (s2 - o1 + half) >> shift;
  d[at + 6 * step] = (s1 - o2 + half) >> shift;
  d[at + 7 * step] = (s0 - o3 + half) >> shift;
}
