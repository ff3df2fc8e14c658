// Depthwise convolution on an NHWC map: every channel has its own k × k filter. Padding is never stored.
//
//   w:  one block for each four channels:  bias[4] | tap (0, 0)[4] | tap (0, 1)[4] | …
//
//   x →  ┌───┬────────────────────┬───┐   inside, four neighbouring outputs are computed together, each tap's weights
//        │ 1 │  4 · 4 · 4 · … · 1 │ 1 │   loaded once for them, and with stride 1 each input (slide.ts); at the edges
//        └───┴────────────────────┴───┘   one output with its taps clipped
//
// One order everywhere: bias, then the taps in row-major order; taps outside the map are left out.

import { activate } from './activation';
import { sum_line } from './pool';
import { slide3, slide5 } from './slide';
import { arena, weights } from '../plan/bases';
import { Depthwise, NONE } from '../plan/op';
import { begin_of, end_of } from '../plan/share';
import { last_mask, madd } from '../simd/lanes';

/** Shares split the rows of output pixels. */
export function depthwise(op: Depthwise, part: u32, parts: u32): void {
  const lines = op.batch * op.out_h;
  const picture = (<usize>op.in_h * op.in_w * op.ldc) << 2;
  const end = end_of(lines, part, parts);
  for (let line = begin_of(lines, part, parts); line < end; line++) {
    filter_line(op, line, arena(op.input) + (line / op.out_h) * picture, op.in_h);
  }
}

/** One line of outputs. Line y of its picture is the y mod `lines`-th at `map`: all of them, or a ring of the latest. */
export function filter_line(op: Depthwise, line: u32, map: usize, lines: u32): void {
  if (op.stride == 1 && op.kernel == 3) row(3, 1, op, line, map, lines);
  else if (op.stride == 1 && op.kernel == 5) row(5, 1, op, line, map, lines);
  else if (op.stride == 2 && op.kernel == 3) row(3, 2, op, line, map, lines);
  else if (op.stride == 2 && op.kernel == 5) row(5, 2, op, line, map, lines);
  else row(0, 0, op, line, map, lines);
}

// `kernel` and `step` are literals: their loops unroll into one kernel each; 0 reads the record instead.
// @ts-ignore: decorator
@inline
function row(kernel: u32, step: u32, op: Depthwise, line: u32, map: usize, lines: u32): void {
  const k = kernel ? kernel : op.kernel;
  const stride = step ? step : op.stride;
  const pixel = <usize>op.ldc << 2;
  const top = <i32>((line % op.out_h) * stride) - <i32>op.top;
  const first_ky = max(0, -top);
  const last_ky = min<i32>(k, <i32>op.in_h - top);
  const first = <u32>(top + first_ky) % lines;
  const out = arena(op.out) + line * op.out_w * pixel;

  // Outputs inside_first … inside_last − 1 have all their columns inside the map.
  const inside_first = min((op.left + stride - 1) / stride, op.out_w);
  const room = <i32>(op.in_w + op.left) - <i32>k;
  const inside_last = room < 0 ? inside_first : max(inside_first, min(<u32>room / stride + 1, op.out_w));
  let x: u32 = 0;
  for (; x < inside_first; x++) edge(op, k, stride, map, lines, first, out, x, first_ky, last_ky);
  if (kernel) {
    for (; x + 4 <= inside_last; x += 4) inside(kernel, step, op, map, lines, first, out, x, first_ky, last_ky);
  }
  for (; x < op.out_w; x++) edge(op, k, stride, map, lines, first, out, x, first_ky, last_ky);

  activate(op.activation, out, op.out_w, op.ldc >> 2, pixel);
  if (op.channels & 3) {
    const mask = last_mask(op.channels);
    const end = out + op.out_w * pixel;
    for (let p = out + pixel - 16; p < end; p += pixel) v128.store(p, v128.and(v128.load(p), mask));
  }
  if (op.sums != NONE) sum_line(out, op.out_w, pixel, arena(op.sums) + line * pixel);
}

/** Four outputs from column x on, all of whose columns lie inside the map; `first`: where the first line lies at `map`. */
// @ts-ignore: decorator
@inline
function inside(k: u32, stride: u32, op: Depthwise, map: usize, lines: u32, first: u32, out: usize, x: u32, first_ky: i32, last_ky: i32): void {
  const pixel = <usize>op.ldc << 2;
  const in_line = pixel * op.in_w;
  const ring = in_line * lines;
  let w = weights(op.weights);
  let from = map + (x * stride - op.left) * pixel;
  let to = out + x * pixel;
  if (stride == 1 && k == 3) return slide3(from, first * in_line, pixel, in_line, ring, w, to, first_ky, last_ky);
  if (stride == 1 && k == 5) return slide5(from, first * in_line, pixel, in_line, ring, w, to, first_ky, last_ky);
  const skip = <usize>(first_ky * <i32>k) << 4;
  const rest = <usize>((<i32>k - last_ky) * <i32>k) << 4;
  const s = pixel * stride;
  for (const end = to + pixel; to < end; to += 16, from += 16) {
    let c0 = v128.load(w);
    let c1 = c0, c2 = c0, c3 = c0;
    w += 16 + skip;
    let line = from + first * in_line;
    for (let ky = first_ky; ky < last_ky; ky++) {
      let p = line;
      for (let kx: u32 = 0; kx < k; kx++, p += pixel, w += 16) {
        const b = v128.load(w);
        c0 = madd(c0, v128.load(p), b);
        c1 = madd(c1, v128.load(p + s), b);
        c2 = madd(c2, v128.load(p + 2 * s), b);
        c3 = madd(c3, v128.load(p + 3 * s), b);
      }
      line += in_line;
      if (line == from + ring) line = from;
    }
    w += rest;
    v128.store(to, c0);
    v128.store(to + pixel, c1);
    v128.store(to + 2 * pixel, c2);
    v128.store(to + 3 * pixel, c3);
  }
}

/** The output at column x, with the taps that lie inside the map. */
function edge(op: Depthwise, k: u32, stride: u32, map: usize, lines: u32, first: u32, out: usize, x: u32, first_ky: i32, last_ky: i32): void {
  const pixel = <usize>op.ldc << 2;
  const in_line = pixel * op.in_w;
  const ring = in_line * lines;
  const left = <i32>(x * stride) - <i32>op.left;
  const first_kx = max(0, -left);
  const last_kx = min<i32>(k, <i32>op.in_w - left);
  const block = (<usize>k * k + 1) << 4;
  let w = weights(op.weights);
  let from = map + (left + first_kx) * pixel;
  let to = out + x * pixel;
  for (const end = to + pixel; to < end; to += 16, from += 16, w += block) {
    let c = v128.load(w);
    let line = from + first * in_line;
    for (let ky = first_ky; ky < last_ky; ky++) {
      let p = line;
      let b = w + ((<usize>(ky * <i32>k + first_kx) + 1) << 4);
      for (let kx = first_kx; kx < last_kx; kx++, p += pixel, b += 16) c = madd(c, v128.load(p), v128.load(b));
      line += in_line;
      if (line == from + ring) line = from;
    }
    v128.store(to, c);
  }
}
