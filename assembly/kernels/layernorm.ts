// out[t] = (x[t] − mean) / √(variance + eps) · gamma + beta, the variance biased, as torch.nn.LayerNorm.
//
//   weights:  gamma[ldc] | beta[ldc], pads zero
//
// Sums along a row have one order: four lane sums by index mod 4, then (l0 + l1) + (l2 + l3).

import { arena, weights } from '../plan/bases';
import { LayerNorm } from '../plan/op';
import { begin_of, end_of } from '../plan/share';
import { last_mask, madd, sum_lanes } from '../simd/lanes';

/** Shares split the rows. */
export function layernorm(op: LayerNorm, part: u32, parts: u32): void {
  const row = <usize>op.ldc << 2;
  const gamma = weights(op.weights);
  const mask = last_mask(op.width);
  const count = <f32>op.width;
  const end = end_of(op.rows, part, parts);
  for (let t = begin_of(op.rows, part, parts); t < end; t++) {
    const x = arena(op.x) + t * row;
    const out = arena(op.out) + t * row;
    const mean = f32x4.splat(total(x, row) / count);
    const variance = squares(x, row, mean, mask) / count;
    const scale = f32x4.splat(<f32>1 / sqrt<f32>(variance + op.eps));
    for (let i: usize = 0; i < row; i += 16) {
      const centred = f32x4.mul(f32x4.sub(v128.load(x + i), mean), scale);
      v128.store(out + i, madd(v128.load(gamma + row + i), centred, v128.load(gamma + i)));
    }
    const last = out + row - 16; // a NaN is in the pad lanes too by now
    v128.store(last, v128.and(v128.load(last), mask));
  }
}

function total(x: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (const end = x + bytes; x < end; x += 16) sum = f32x4.add(sum, v128.load(x));
  return sum_lanes(sum);
}

// The pad lanes of the last vector are no part of it.
function squares(x: usize, bytes: usize, mean: v128, mask: v128): f32 {
  let sum = f32x4.splat(0);
  const last = x + bytes - 16;
  for (; x < last; x += 16) {
    const d = f32x4.sub(v128.load(x), mean);
    sum = madd(sum, d, d);
  }
  const d = v128.and(f32x4.sub(v128.load(x), mean), mask);
  return sum_lanes(madd(sum, d, d));
}
