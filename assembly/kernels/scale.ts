// x[b, p, c] ·= gate[b, c] in place: squeeze-and-excitation's excitation.

import { arena } from '../plan/bases';
import { Scale } from '../plan/op';
import { begin_of, end_of } from '../plan/share';

/** Shares split the pixels of all pictures. */
export function scale(op: Scale, part: u32, parts: u32): void {
  const pixel = <usize>op.ldc << 2;
  const end = end_of(op.batch * op.pixels, part, parts);
  for (let i = begin_of(op.batch * op.pixels, part, parts); i < end; i++) {
    let g = arena(op.gate) + (i / op.pixels) * pixel;
    let x = arena(op.x) + i * pixel;
    for (const last = x + pixel; x < last; x += 16, g += 16) v128.store(x, f32x4.mul(v128.load(x), v128.load(g)));
  }
}
