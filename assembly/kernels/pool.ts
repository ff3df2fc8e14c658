// Mean or maximum over the pixels of an NHWC map, channel by channel: squeeze-and-excitation's squeeze and the tower's pooler.
//
// One order: each row of the map is summed from left to right, then the row sums from top to bottom, then divided.
// 16 channels (one cache line) go down the map together. Row sums may come from the op that made the map (sum_line).

import { arena } from '../plan/bases';
import { Pool, Pooling } from '../plan/op';
import { begin_of, end_of } from '../plan/share';

/** Shares split the vectors of four channels of all pictures. */
export function pool(op: Pool, part: u32, parts: u32): void {
  const vectors = op.ldc >> 2;
  const end = end_of(op.batch * vectors, part, parts);
  const picture = (<usize>op.h * op.w * op.ldc) << 2;
  let i = begin_of(op.batch * vectors, part, parts);
  while (i < end) {
    const b = i / vectors;
    const v = i % vectors;
    const from = arena(op.input) + b * picture + (<usize>v << 4);
    const to = arena(op.out) + (<usize>i << 4);
    if (op.pooling == Pooling.Max) {
      v128.store(to, maximum(op, from));
      i++;
    } else if (i + 4 <= end && v + 4 <= vectors) {
      mean4(op, from, to);
      i += 4;
    } else {
      v128.store(to, mean(op, from));
      i++;
    }
  }
}

function mean(op: Pool, p: usize): v128 {
  const pixel = <usize>op.ldc << 2;
  let sum = f32x4.splat(0);
  for (let y: u32 = 0; y < op.h; y++) {
    let line = f32x4.splat(0);
    for (let x: u32 = 0; x < op.w; x++, p += pixel) line = f32x4.add(line, v128.load(p));
    sum = f32x4.add(sum, line);
  }
  return f32x4.div(sum, f32x4.splat(<f32>op.count));
}

function mean4(op: Pool, p: usize, to: usize): void {
  const pixel = <usize>op.ldc << 2;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (let y: u32 = 0; y < op.h; y++) {
    let l0 = f32x4.splat(0), l1 = l0, l2 = l0, l3 = l0;
    for (let x: u32 = 0; x < op.w; x++, p += pixel) {
      l0 = f32x4.add(l0, v128.load(p));
      l1 = f32x4.add(l1, v128.load(p, 16));
      l2 = f32x4.add(l2, v128.load(p, 32));
      l3 = f32x4.add(l3, v128.load(p, 48));
    }
    s0 = f32x4.add(s0, l0);
    s1 = f32x4.add(s1, l1);
    s2 = f32x4.add(s2, l2);
    s3 = f32x4.add(s3, l3);
  }
  const count = f32x4.splat(<f32>op.count);
  v128.store(to, f32x4.div(s0, count));
  v128.store(to, f32x4.div(s1, count), 16);
  v128.store(to, f32x4.div(s2, count), 32);
  v128.store(to, f32x4.div(s3, count), 48);
}

// f32x4.max hands on a NaN, as torch does.
function maximum(op: Pool, p: usize): v128 {
  const pixel = <usize>op.ldc << 2;
  let best = v128.load(p);
  for (let i = op.h * op.w; i > 0; i--, p += pixel) best = f32x4.max(best, v128.load(p));
  return best;
}

/** Sums of the `count` pixels from p on, as a row of a map is summed, to `to`; `pixel` bytes each, a multiple of 16. */
export function sum_line(p: usize, count: u32, pixel: usize, to: usize): void {
  const end = p + pixel;
  for (; p + 64 <= end; p += 64, to += 64) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    let q = p;
    for (let x = count; x > 0; x--, q += pixel) {
      s0 = f32x4.add(s0, v128.load(q));
      s1 = f32x4.add(s1, v128.load(q, 16));
      s2 = f32x4.add(s2, v128.load(q, 32));
      s3 = f32x4.add(s3, v128.load(q, 48));
    }
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
  }
  for (; p < end; p += 16, to += 16) {
    let s = f32x4.splat(0);
    let q = p;
    for (let x = count; x > 0; x--, q += pixel) s = f32x4.add(s, v128.load(q));
    v128.store(to, s);
  }
}
