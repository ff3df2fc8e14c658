// out[i] = x[i] / ‖x[i]‖₂. No epsilon: a zero row becomes NaN, as in transformers.

import { arena } from '../plan/bases';
import { Normalize } from '../plan/op';
import { begin_of, end_of } from '../plan/share';
import { last_mask, madd, sum_lanes } from '../simd/lanes';

/** Shares split the rows. */
export function normalize(op: Normalize, part: u32, parts: u32): void {
  const row = <usize>op.ldc << 2;
  const mask = last_mask(op.width);
  const end = end_of(op.rows, part, parts);
  for (let i = begin_of(op.rows, part, parts); i < end; i++) {
    const x = arena(op.x) + i * row;
    const out = arena(op.out) + i * row;
    const norm = f32x4.splat(sqrt<f32>(dot(x, x, row)));
    for (let j: usize = 0; j < row; j += 16) v128.store(out + j, f32x4.div(v128.load(x + j), norm));
    const last = out + row - 16; // 0 / 0 is in the pad lanes too by now
    v128.store(last, v128.and(v128.load(last), mask));
  }
}

/** a · b over `bytes` bytes: four lane sums, then (l0 + l1) + (l2 + l3). */
export function dot(a: usize, b: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (const end = a + bytes; a < end; a += 16, b += 16) sum = madd(sum, v128.load(a), v128.load(b));
  return sum_lanes(sum);
}
