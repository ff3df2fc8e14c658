// An inverted bottleneck's expansion and its depthwise convolution in one: the expanded map, the largest of the tower, is
// never stored. Each part walks down its lines of the output; the expanded lines that a filter is about to meet are made
// in a ring that stays in cache.
//
//   y ↓   ┌─────────────┐          ┌─ ring ──────┐            ┌─────────────┐
//         │ a: [w, k]   │ ─ gemm ─▶│ line 6 (0)  │            │             │
//         │             │          │ line 4      │─ filter ──▶│ band of out │ ─▶ sums of its lines
//         └─────────────┘          │ line 5      │            └─────────────┘
//                                  └─────────────┘
//
// The same functions as the two ops apart, so the same bits.

import { filter_line } from './depthwise';
import { multiply } from './gemm';
import { arena } from '../plan/bases';
import { Depthwise, ExpandDepthwise, HALF, NR } from '../plan/op';
import { begin_of, end_of } from '../plan/share';

/** Shares split the rows of output pixels; where two meet, both make the expanded lines that both need. */
export function expand_depthwise(op: ExpandDepthwise, part: u32, parts: u32): void {
  const filter = changetype<Depthwise>(changetype<usize>(op) + HALF);
  const line = (<usize>filter.in_w * op.ldc) << 2;
  const ring = arena(op.c) + <usize>op.lines * line * part;
  const end = end_of(filter.batch * filter.out_h, part, parts);
  let made: u32 = 0; // expanded lines of this picture, up to here
  for (let y = begin_of(filter.batch * filter.out_h, part, parts); y < end; ) {
    const picture = y / filter.out_h;
    const inside = y % filter.out_h;
    const band = min(op.band, min(end - y, filter.out_h - inside));
    const top = <i32>(inside * filter.stride) - <i32>filter.top;
    const bottom = top + <i32>((band - 1) * filter.stride + filter.kernel);
    const need = <u32>min<i32>(filter.in_h, max(0, bottom));
    expand(op, filter, picture, max(made, <u32>max(0, top)), need, ring, line, part);
    made = need;
    for (let i: u32 = 0; i < band; i++) filter_line(filter, y + i, ring, op.lines);
    y += band;
    if (inside + band == filter.out_h) made = 0;
  }
}

/** Makes lines first … last − 1 of a picture, in as few products as the ring's end allows. */
function expand(op: ExpandDepthwise, filter: Depthwise, picture: u32, first: u32, last: u32, ring: usize, line: usize, part: u32): void {
  const panels = (op.n + NR - 1) / NR;
  while (first < last) {
    const slot = first % op.lines;
    const count = min(last - first, op.lines - slot);
    const a = arena(op.a) + (((<usize>picture * filter.in_h + first) * filter.in_w * op.lda) << 2);
    multiply(op, a, ring + slot * line, 0, count * filter.in_w, 0, panels, part);
    first += count;
  }
}
