// The first pass for many queries: rows times a panel of 16 queries, as one product by the tiles of the matrix kernels.
//
//   out: f32[count][16]

import { dot1, dot2 } from '../kernels/dot';
import { tile1, tile2 } from '../kernels/tile';

/** `panel` as tile.ts has it: 16 zeros, then 16 queries' k-th numbers for each k. */
export function index_scan_panel_f32(panel: usize, rows: usize, stride: usize, k: u32, count: u32, out: usize): void {
  let i = count;
  for (; i >= 2; i -= 2, rows += stride << 1, out += 128) tile2(rows, rows + stride, panel, k, out, out + 64, 4);
  if (i) tile1(rows, panel, k, out, 4);
}

/** Rows that are widened at a time. */
const BLOCK: u32 = 64;

/**
 * `head`, `panel` as dot.ts has them: what residuals may add, and the steps of the queries; pairs of k of i16 queries.
 * `wide`: room for 64 rows of 16 + 2 · stride bytes.
 */
export function index_scan_panel_i8(
  head: usize,
  panel: usize,
  rows: usize,
  stride: usize,
  count: u32,
  scales: usize,
  wide: usize,
  out: usize,
): void {
  const row = 16 + (stride << 1);
  const bytes = stride << 5;
  for (let i: u32 = 0; i < count; i += BLOCK) {
    const some = min(BLOCK, count - i);
    let to = wide;
    for (let j: u32 = 0; j < some; j++, rows += stride, to += row) {
      store<f32>(to, 1);
      widen(rows, stride, to + 16);
    }
    let from = wide;
    let j = some;
    for (; j >= 2; j -= 2, from += row << 1, out += 128) dot2(from, from + row, head, panel, bytes, out, out + 64, 4);
    if (j) {
      dot1(from, head, panel, bytes, out, 4);
      out += 64;
    }
    for (let at = out - (<usize>some << 6); at < out; at += 64, scales += 4) scale16(at, v128.load32_splat(scales));
  }
}

// @ts-ignore: decorator
@inline
function scale16(at: usize, scale: v128): void {
  v128.store(at, f32x4.mul(v128.load(at), scale));
  v128.store(at, f32x4.mul(v128.load(at, 16), scale), 16);
  v128.store(at, f32x4.mul(v128.load(at, 32), scale), 32);
  v128.store(at, f32x4.mul(v128.load(at, 48), scale), 48);
}

function widen(from: usize, bytes: usize, to: usize): void {
  for (const end = from + bytes; from < end; from += 8, to += 16) v128.store(to, v128.load8x8_s(from));
}
