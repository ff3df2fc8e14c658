// Activations to 8 bits, a scale a row (simd/eight_bits.ts), times a squeeze-and-excitation's gate where there is one.
//
//   row of out:  scale | 12 bytes unused | i16[k], zeros up to a multiple of 8

import { arena } from '../plan/bases';
import { NONE, Quantize } from '../plan/op';
import { begin_of, end_of } from '../plan/share';
import { inverse, larger, ROUND, ROUND_BITS, step } from '../simd/eight_bits';

/** Shares split the rows. */
export function quantize(op: Quantize, part: u32, parts: u32): void {
  const stride = <usize>op.ldx << 2;
  const end = end_of(op.rows, part, parts);
  for (let i = begin_of(op.rows, part, parts); i < end; i++) {
    const x = arena(op.x) + i * stride;
    const to = arena(op.out) + ((<usize>i * op.ldo) << 2);
    if (op.gate == NONE) plain_row(x, stride, to);
    else gated_row(x, arena(op.gate) + (i / op.pixels) * stride, stride, to);
  }
}

function plain_row(x: usize, bytes: usize, to: usize): void {
  row(false, x, x, bytes, to);
}

function gated_row(x: usize, gate: usize, bytes: usize, to: usize): void {
  row(true, x, gate, bytes, to);
}

// @ts-ignore: decorator
@inline
function value(gated: bool, x: usize, gate: usize, i: usize): v128 {
  const v = v128.load(x + i);
  return gated ? f32x4.mul(v, v128.load(gate + i)) : v;
}

// `gated` is a literal. A row of a vector more than a multiple of eight is filled up with zeros.
// @ts-ignore: decorator
@inline
function row(gated: bool, x: usize, gate: usize, bytes: usize, to: usize): void {
  const even = bytes & ~31;
  let m0 = f32x4.splat(0);
  let m1 = m0;
  for (let i: usize = 0; i < even; i += 32) {
    m0 = larger(m0, f32x4.abs(value(gated, x, gate, i)));
    m1 = larger(m1, f32x4.abs(value(gated, x, gate, i + 16)));
  }
  if (even < bytes) m0 = larger(m0, f32x4.abs(value(gated, x, gate, even)));
  m0 = larger(m0, m1);
  m0 = larger(m0, i32x4.shuffle(m0, m0, 2, 3, 0, 1));
  m0 = larger(m0, i32x4.shuffle(m0, m0, 1, 0, 3, 2));
  const largest = f32x4.extract_lane(m0, 0);

  v128.store(to, f32x4.replace_lane(f32x4.splat(0), 0, step(largest)));
  to += 16;
  const factor = f32x4.splat(inverse(largest));
  const round = f32x4.splat(ROUND);
  const bits = i32x4.splat(ROUND_BITS);
  for (let i: usize = 0; i < even; i += 32, to += 16) {
    const a = i32x4.sub(f32x4.add(f32x4.mul(value(gated, x, gate, i), factor), round), bits);
    const b = i32x4.sub(f32x4.add(f32x4.mul(value(gated, x, gate, i + 16), factor), round), bits);
    v128.store(to, i16x8.narrow_i32x4_s(a, b));
  }
  if (even < bytes) {
    const a = i32x4.sub(f32x4.add(f32x4.mul(value(gated, x, gate, even), factor), round), bits);
    v128.store(to, i16x8.narrow_i32x4_s(a, i32x4.splat(0)));
  }
}
