// What the passes over rows of integers share.

/** The sums of a, b, c and d's lanes in one vector. */
// @ts-ignore: decorator
@inline
export function sums_i32(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function dot(c: v128, q: v128, row: v128): v128 {
  return i32x4.add(c, i32x4.dot_i16x8_s(q, row));
}

/** The lane sums of a row times the query, 32 numbers at a time as far as that goes. */
export function row_i8(query: usize, row: usize, stride: usize): v128 {
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
