// The first pass of a search: how every row of a block compares with one query, roughly. A row is read from end to end
// before the next: four at a time read memory at 6 GB/s, one at 19 (Node 20), as processors fetch ahead along one line.
//
//   rows:  row 0 | row 1 | …   `stride` bytes each, a multiple of 16, filled up with zeros; f32, i8 or sign bits
//   out:   f32[count rounded up to 4]: what lies behind the last row is read and scored too, and means nothing
//
// The scores say which rows are looked at again (index_dot); how far they may be off is worked out in
// src/host/search/scan.ts.

import { madd } from '../simd/lanes';

/** The sums of a, b, c and d's lanes in one vector. */
// @ts-ignore: decorator
@inline
function sums_i32(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

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

/** out[i] = (rows[i] · query) · (scales[i] · step), the product exact: i8 times a query of i16 in steps of `step`. */
export function index_scan_i8(query: usize, rows: usize, stride: usize, count: u32, scales: usize, step: f32, out: usize): void {
  const steps = f32x4.splat(step);
  for (let i: u32 = 0; i < count; i += 4, rows += stride << 2, scales += 16, out += 16) {
    const scale = f32x4.mul(v128.load(scales), steps);
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(four_i8(query, rows, stride)), scale));
  }
}

// @ts-ignore: decorator
@inline
function dot(c: v128, q: v128, row: v128): v128 {
  return i32x4.add(c, i32x4.dot_i16x8_s(q, row));
}

function four_i8(query: usize, rows: usize, stride: usize): v128 {
  const a = row_i8(query, rows, stride);
  const b = row_i8(query, rows + stride, stride);
  const c = row_i8(query, rows + 2 * stride, stride);
  return sums_i32(a, b, c, row_i8(query, rows + 3 * stride, stride));
}

/** The lane sums of a row times the query, 32 numbers at a time as far as that goes. */
function row_i8(query: usize, row: usize, stride: usize): v128 {
  const end = row + stride;
  const most = row + (stride & ~31);
  let c0 = i32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  while (row < most) {
    c0 = dot(c0, v128.load(query), v128.load8x8_s(row));
    c1 = dot(c1, v128.load(query, 16), v128.load8x8_s(row, 8));
    c2 = dot(c2, v128.load(query, 32), v128.load8x8_s(row, 16));
    c3 = dot(c3, v128.load(query, 48), v128.load8x8_s(row, 24));
    row += 32;
    query += 64;
  }
  if (row < end) {
    c0 = dot(c0, v128.load(query), v128.load8x8_s(row));
    c1 = dot(c1, v128.load(query, 16), v128.load8x8_s(row, 8));
  }
  return i32x4.add(i32x4.add(c0, c1), i32x4.add(c2, c3));
}

/** out[i] = −(bits in which rows[i] and the query differ). */
export function index_scan_bits(query: usize, rows: usize, stride: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i += 4, rows += stride << 2, out += 16) {
    v128.store(out, f32x4.neg(f32x4.convert_i32x4_s(four_bits(query, rows, stride))));
  }
}

/** A 16-bit lane takes 16 a vector, so that 2¹⁶ dimensions are 2¹³ at most. */
// @ts-ignore: decorator
@inline
function differ(c: v128, q: v128, row: usize): v128 {
  return i16x8.add(c, i16x8.extadd_pairwise_i8x16_u(i8x16.popcnt(v128.xor(q, v128.load(row)))));
}

function four_bits(query: usize, r0: usize, stride: usize): v128 {
  const end = query + stride;
  const r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride;
  let c0 = i16x8.splat(0), c1 = c0, c2 = c0, c3 = c0;
  for (let at: usize = 0; query < end; query += 16, at += 16) {
    const q = v128.load(query);
    c0 = differ(c0, q, r0 + at);
    c1 = differ(c1, q, r1 + at);
    c2 = differ(c2, q, r2 + at);
    c3 = differ(c3, q, r3 + at);
  }
  return sums_i32(
    i32x4.extadd_pairwise_i16x8_u(c0),
    i32x4.extadd_pairwise_i16x8_u(c1),
    i32x4.extadd_pairwise_i16x8_u(c2),
    i32x4.extadd_pairwise_i16x8_u(c3),
  );
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
