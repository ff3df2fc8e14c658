// Rows of an index: how a vector becomes 9 bits a number and sign bits, what it is again, and its exact score.
//
//   m = v · 255 / largest |v|, to the nearest integer, ties to even      scale = 1 / √(m · m)
//   q = m >> 1, i8                                                       what a rough score takes for m
//   residual = m & 1, a bit                                              of a byte's bits the lowest comes first
//
// so that the row scale · m has length 1. A row's sign bits are 1 where m < 0. A stride is that of q: a multiple of 16
// bytes, zeros behind the row; of bits there are stride / 8 bytes.

/** The largest |m| of every row. */
const LARGEST: i32 = 255;

const BIT_OF_LANE = memory.data<u16>([1, 2, 4, 8, 16, 32, 64, 128], 16);

/** Dot product of two vectors of f32, in f64, in order of the index: every score that a search gives. */
export function index_dot(a: usize, b: usize, width: u32): f64 {
  let sum: f64 = 0;
  for (const end = a + (<usize>width << 2); a < end; a += 4, b += 4) sum += <f64>load<f32>(a) * <f64>load<f32>(b);
  return sum;
}

/** i16x8 of m. */
// @ts-ignore: decorator
@inline
function eight(q: usize, residuals: usize, bit_of_lane: v128): v128 {
  const bits = v128.and(i16x8.splat(load<u8>(residuals)), bit_of_lane);
  const twice = i16x8.shl(v128.load8x8_s(q), 1);
  // A comparison that holds is −1.
  return i16x8.sub(twice, i16x8.eq(bits, bit_of_lane));
}

/** out f32[stride] = scale · m. */
export function index_row(q: usize, residuals: usize, stride: usize, scale: f32, out: usize): void {
  const bit_of_lane = v128.load(BIT_OF_LANE);
  const scales = f32x4.splat(scale);
  for (const end = q + stride; q < end; q += 8, residuals++, out += 32) {
    const m = eight(q, residuals, bit_of_lane);
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(m)), scales));
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(m)), scales), 16);
  }
}

/** q i8[stride] and residuals of x f32[stride], which has length 1. */
export function index_quantize(x: usize, stride: usize, q: usize, residuals: usize): void {
  const end = x + (stride << 2);
  let most = f32x4.splat(0);
  for (let at = x; at < end; at += 16) most = f32x4.max(most, f32x4.abs(v128.load(at)));
  most = f32x4.max(most, i32x4.shuffle(most, most, 2, 3, 0, 1));
  most = f32x4.max(most, i32x4.shuffle(most, most, 1, 0, 3, 2));
  const factor = f32x4.div(f32x4.splat(<f32>LARGEST), most);
  for (; x < end; x += 64, q += 16, residuals += 2) {
    const low = i16x8.narrow_i32x4_s(rounded(x, factor), rounded(x + 16, factor));
    const high = i16x8.narrow_i32x4_s(rounded(x + 32, factor), rounded(x + 48, factor));
    v128.store(q, i8x16.narrow_i16x8_s(i16x8.shr_s(low, 1), i16x8.shr_s(high, 1)));
    const odd = i8x16.narrow_i16x8_s(i16x8.shl(low, 15), i16x8.shl(high, 15));
    store<u16>(residuals, <u16>i8x16.bitmask(odd));
  }
}

// @ts-ignore: decorator
@inline
function rounded(x: usize, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), factor)));
}

/** The scale of a row; infinity for what {@link index_quantize} gives of no vector. */
export function index_scale(q: usize, residuals: usize, stride: usize): f32 {
  const bit_of_lane = v128.load(BIT_OF_LANE);
  let sums = i32x4.splat(0);
  let most = i16x8.splat(0);
  for (const end = q + stride; q < end; q += 8, residuals++) {
    const m = eight(q, residuals, bit_of_lane);
    sums = i32x4.add(sums, i32x4.dot_i16x8_s(m, m));
    most = i16x8.max_s(most, i16x8.abs(m));
  }
  const largest = i16x8.splat(<i16>LARGEST);
  if (v128.any_true(i16x8.gt_s(most, largest)) || !v128.any_true(i16x8.eq(most, largest))) return Infinity;
  const pairs = i64x2.add(i64x2.extend_low_i32x4_u(sums), i64x2.extend_high_i32x4_u(sums));
  return <f32>(1 / sqrt<f64>(<f64>(i64x2.extract_lane(pairs, 0) + i64x2.extract_lane(pairs, 1))));
}

/** The sign bits of a row. */
export function index_bits(q: usize, stride: usize, out: usize): void {
  for (const end = q + stride; q < end; q += 16, out += 2) store<u16>(out, <u16>i8x16.bitmask(v128.load(q)));
}
