// The first pass of a search: how every row of a block compares with one query, roughly. A row is read from end to end
// before the next: four at a time read memory at 6 GB/s, one at 19 (Node 20), as processors fetch ahead along one line.
//
//   rows:  row 0 | row 1 | …   `stride` bytes each, a multiple of 16, filled up with zeros; f32 or i8
//   out:   f32[count rounded up to 4]: what lies behind the last row is read and scored too, and means nothing
//
// The scores say which rows are looked at again (index_dot); how far they may be off is worked out in
// src/host/search/scan.ts.

import { madd } from '../simd/lanes';
import { row_i8, sums_i32 } from './row';

/** The sums of a, b, c and d's lanes in one vector. */
// @ts-ignore: decorator
@inline
function sums_f32(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

/** out[i] = rows[i] · query. */
export function index_scan_f32(query: usize, rows: usize, stride: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i += 4, rows += stride << 2, out += 16) v128.store(out, four_f32(query, rows, stride));
}

function four_f32(query: usize, rows: usize, stride: usize): v128 {
  const a = row_f32(query, rows, stride);
  const b = row_f32(query, rows + stride, stride);
  const c = row_f32(query, rows + 2 * stride, stride);
  return sums_f32(a, b, c, row_f32(query, rows + 3 * stride, stride));
}

/** The lane sums of a row times the query, 16 numbers at a time as far as that goes. */
function row_f32(query: usize, row: usize, stride: usize): v128 {
  const end = row + stride;
  const most = row + (stride & ~63);
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  while (row < most) {
    c0 = madd(c0, v128.load(query), v128.load(row));
    c1 = madd(c1, v128.load(query, 16), v128.load(row, 16));
    c2 = madd(c2, v128.load(query, 32), v128.load(row, 32));
    c3 = madd(c3, v128.load(query, 48), v128.load(row, 48));
    row += 64;
    query += 64;
  }
  for (; row < end; row += 16, query += 16) c0 = madd(c0, v128.load(query), v128.load(row));
  return f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3));
}

/**
 * out[i] = ((rows[i] · query) · step + more) · scales[i], the product of i8 and a query of i16 exact: with `more` for what
 * the rows' residuals may add.
 */
export function index_scan_i8(
  query: usize,
  rows: usize,
  stride: usize,
  count: u32,
  scales: usize,
  step: f32,
  more: f32,
  out: usize,
): void {
  const steps = f32x4.splat(step);
  const mores = f32x4.splat(more);
  for (let i: u32 = 0; i < count; i += 4, rows += stride << 2, scales += 16, out += 16) {
    const sums = f32x4.convert_i32x4_s(four_i8(query, rows, stride));
    v128.store(out, f32x4.mul(f32x4.add(f32x4.mul(sums, steps), mores), v128.load(scales)));
  }
}

function four_i8(query: usize, rows: usize, stride: usize): v128 {
  const a = row_i8(query, rows, stride);
  const b = row_i8(query, rows + stride, stride);
  const c = row_i8(query, rows + 2 * stride, stride);
  return sums_i32(a, b, c, row_i8(query, rows + 3 * stride, stride));
}

/**
 * Writes { index u32, score f32 } of every score of the first `count` (rounded up to 16) that is at least
 * least[index mod 16], in order; gives their number.
 */
export function index_select(scores: usize, count: u32, least: usize, hits: usize): u32 {
  const l0 = v128.load(least), l1 = v128.load(least, 16), l2 = v128.load(least, 32), l3 = v128.load(least, 48);
  const first = hits;
  for (let i: u32 = 0; i < count; i += 16, scores += 64) {
    const m0 = f32x4.ge(v128.load(scores), l0);
    const m1 = f32x4.ge(v128.load(scores, 16), l1);
    const m2 = f32x4.ge(v128.load(scores, 32), l2);
    const m3 = f32x4.ge(v128.load(scores, 48), l3);
    if (!v128.any_true(v128.or(v128.or(m0, m1), v128.or(m2, m3)))) continue;
    let mask: u32 = i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m0, m1), i16x8.narrow_i32x4_s(m2, m3)));
    for (; mask; mask &= mask - 1, hits += 8) {
      const lane = ctz(mask);
      store<u32>(hits, i + lane);
      store<f32>(hits, load<f32>(scores + (<usize>lane << 2)), 4);
    }
  }
  return <u32>((hits - first) >> 3);
}
