// The stem: a dense convolution on an NHWC map, as an implicit matrix product. Two patches of input pixels are gathered
// at a time (zeros outside the map: the padding is never stored), then multiplied like two rows of a Gemm.
//
//   patch:  ky = 0: kx = 0: c … | kx = 1: c … | … ‖ ky = 1: …        k · k · lda floats
//   w:      panels of 16 columns over the same order (tile.ts)

import { activate } from './activation';
import { tile2 } from './tile';
import { arena, weights } from '../plan/bases';
import { Conv2d, NR } from '../plan/op';
import { begin_of, end_of } from '../plan/share';
import { last_mask } from '../simd/lanes';

/** Shares split the rows of output pixels. */
export function conv2d(op: Conv2d, part: u32, parts: u32): void {
  const lines = op.batch * op.out_h;
  const depth = op.kernel * op.kernel * op.lda;
  const patch = arena(op.scratch) + ((<usize>depth * part) << 3);
  const end = end_of(lines, part, parts);
  for (let line = begin_of(lines, part, parts); line < end; line++) row(op, line, depth, patch);
}

function row(op: Conv2d, line: u32, depth: u32, patch: usize): void {
  const ldc = <usize>op.ldc << 2;
  const bytes = <usize>depth << 2;
  const panel = bytes + 4 << 4;
  const picture = line / op.out_h;
  const y = line % op.out_h;
  const map = arena(op.input) + ((<usize>picture * op.in_h * op.in_w * op.lda) << 2);
  const start = arena(op.out) + line * op.out_w * ldc;
  let c = start;
  for (let x: u32 = 0; x < op.out_w; x += 2, c += ldc << 1) {
    const second = x + 1 < op.out_w; // a lone last pixel is computed twice, into the same place
    gather(op, map, y, x, patch);
    if (second) gather(op, map, y, x + 1, patch + bytes);
    const a1 = second ? patch + bytes : patch;
    const c1 = second ? c + ldc : c;
    let w = weights(op.weights);
    for (let column: u32 = 0; column < op.ldc; column += NR, w += panel) {
      const offset = <usize>column << 2;
      tile2(patch, a1, w, depth, c + offset, c1 + offset, min<u32>(4, (op.ldc - column) >> 2));
    }
  }
  activate(op.activation, start, op.out_w, op.ldc >> 2, ldc);
  if (op.n & 3) {
    const mask = last_mask(op.n);
    const end = start + op.out_w * ldc;
    for (let p = start + ldc - 16; p < end; p += ldc) v128.store(p, v128.and(v128.load(p), mask));
  }
}

/** Copies the k × k input pixels under output pixel (y, x) to `patch`, zeros where they lie outside the map. */
function gather(op: Conv2d, map: usize, y: u32, x: u32, patch: usize): void {
  const pixel = <usize>op.lda << 2;
  const line = pixel * op.in_w;
  const top = <i32>(y * op.stride - op.top);
  const left = <i32>(x * op.stride - op.left);
  // Taps first … last − 1 of a row lie inside the map and next to each other in memory.
  const first = min<i32>(op.kernel, max<i32>(0, -left));
  const last = max<i32>(first, min<i32>(op.kernel, <i32>op.in_w - left));
  for (let ky: u32 = 0; ky < op.kernel; ky++) {
    const iy = top + <i32>ky;
    const end = patch + op.kernel * pixel;
    if (<u32>iy >= op.in_h) { // a negative place is out of range too
      patch = zero(patch, end);
      continue;
    }
    patch = zero(patch, patch + first * pixel);
    let from = map + iy * line + (left + first) * pixel;
    for (const stop = patch + (last - first) * pixel; patch < stop; patch += 16, from += 16) v128.store(patch, v128.load(from));
    patch = zero(patch, end);
  }
}

/** Zeros from `at` to `end`, which it gives. */
// @ts-ignore: decorator
@inline
function zero(at: usize, end: usize): usize {
  for (; at < end; at += 16) v128.store(at, f32x4.splat(0));
  return at;
}
