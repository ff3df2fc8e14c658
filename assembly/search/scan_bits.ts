// The two passes of a search by sign bits: how many bits of every row of a block differ from the query's, then scores, as
// index_scan_i8 gives them, of those rows that differ in few.
//
//   distances:  u16[count rounded up to 4], 65,535 for more

import { row_i8, sums_i32 } from './row';

/** distances[i] = bits in which rows[i] and the query differ; counts rows by distance, how_many u32[]. */
export function index_scan_bits(query: usize, rows: usize, stride: usize, count: u32, distances: usize, how_many: usize): void {
  const end = distances + (<usize>count << 1);
  for (; distances < end; rows += stride << 2) {
    const four = four_bits(query, rows, stride);
    v128.store64_lane(distances, i16x8.narrow_i32x4_u(four, four), 0);
    for (const last = min(distances + 8, end); distances < last; distances += 2) {
      const at = how_many + (<usize>load<u16>(distances) << 2);
      store<u32>(at, load<u32>(at) + 1);
    }
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
 * Writes { index u32, score f32 } of every row of the first `count` that differs in at most `most` bits, in order; gives
 * their number.
 */
export function index_score_near(
  query: usize,
  rows: usize,
  stride: usize,
  count: u32,
  distances: usize,
  most: u32,
  scales: usize,
  step: f32,
  more: f32,
  hits: usize,
): u32 {
  const limit = i16x8.splat(<i16>min<u32>(most, 65_535));
  let end = hits;
  for (let i: u32 = 0; i < count; i += 8, distances += 16) {
    let mask: u32 = i16x8.bitmask(i16x8.le_u(v128.load(distances), limit));
    if (count - i < 8) mask &= (1 << (count - i)) - 1;
    for (; mask; mask &= mask - 1, end += 8) store<u32>(end, i + ctz(mask));
  }
  for (let hit = hits; hit < end; hit += 8) {
    const i = <usize>load<u32>(hit);
    const sums = row_i8(query, rows + i * stride, stride);
    const sum = <f32>i32x4.extract_lane(sums_i32(sums, sums, sums, sums), 0);
    store<f32>(hit, (sum * step + more) * load<f32>(scales + (i << 2)), 4);
  }
  return <u32>((end - hits) >> 3);
}
