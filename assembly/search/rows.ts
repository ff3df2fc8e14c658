// Rows of an index: how a vector becomes 8 bits and sign bits, what it is again, and its exact score.
//
//   q = v · 127 / largest |v|, to the nearest integer, ties to even      scale = 1 / √(q · q)
//
// so that the row scale · q has length 1. A bit is 1 where q > 0; of a byte's bits the lowest comes first. A stride is a
// multiple of 16 bytes, zeros behind the row.

/** Dot product of two vectors of f32, in f64, in order of the index: every score that a search gives. */
export function index_dot(a: usize, b: usize, width: u32): f64 {
  let sum: f64 = 0;
  for (const end = a + (<usize>width << 2); a < end; a += 4, b += 4) sum += <f64>load<f32>(a) * <f64>load<f32>(b);
  return sum;
}

/** out f32[width] = scale · q. */
export function index_row(q: usize, scale: f32, width: u32, out: usize): void {
  for (const end = q + width; q < end; q++, out += 4) store<f32>(out, <f32>load<i8>(q) * scale);
}

/** q i8[stride] of x f32[stride], which has length 1. */
export function index_quantize(x: usize, stride: usize, q: usize): void {
  const end = x + (stride << 2);
  let most = f32x4.splat(0);
  for (let at = x; at < end; at += 16) most = f32x4.max(most, f32x4.abs(v128.load(at)));
  most = f32x4.max(most, i32x4.shuffle(most, most, 2, 3, 0, 1));
  most = f32x4.max(most, i32x4.shuffle(most, most, 1, 0, 3, 2));
  const factor = f32x4.div(f32x4.splat(127), most);
  for (; x < end; x += 64, q += 16) {
    const low = i16x8.narrow_i32x4_s(rounded(x, factor), rounded(x + 16, factor));
    v128.store(q, i8x16.narrow_i16x8_s(low, i16x8.narrow_i32x4_s(rounded(x + 32, factor), rounded(x + 48, factor))));
  }
}

// @ts-ignore: decorator
@inline
function rounded(x: usize, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), factor)));
}

/** The scale of a row; infinity for zeros. */
export function index_scale(q: usize, stride: usize): f32 {
  let sums = i32x4.splat(0);
  for (const end = q + stride; q < end; q += 8) {
    const v = v128.load8x8_s(q);
    sums = i32x4.add(sums, i32x4.dot_i16x8_s(v, v));
  }
  const squares =
    i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  return <f32>(1 / sqrt<f64>(<f64>squares));
}

/** The sign bits of a row: stride / 8 bytes. */
export function index_bits(q: usize, stride: usize, out: usize): void {
  const zeros = i8x16.splat(0);
  for (const end = q + stride; q < end; q += 16, out += 2) store<u16>(out, <u16>i8x16.bitmask(i8x16.gt_s(v128.load(q), zeros)));
}
