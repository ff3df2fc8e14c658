// Halves (IEEE binary16) and bfloat16 to f32, exactly, and back, rounded to nearest, ties to even.

/** One half. Exponent and mantissa are shifted into place; a product with 2¹¹² rebiases normals and subnormals alike. */
export function from_half(h: u32): f32 {
  const sign = (h & 0x8000) << 16;
  const magnitude = h & 0x7fff;
  if (magnitude >= 0x7c00) return reinterpret<f32>(sign | 0x7f800000 | ((magnitude & 0x3ff) << 13));
  return reinterpret<f32>(sign | reinterpret<u32>(reinterpret<f32>(magnitude << 13) * reinterpret<f32>(0x77800000)));
}

// 0 sign of a half | 1 the rest | 2 largest finite | 3 smallest normal | 4 what rebiases | 5 infinity | 6 2⁻²⁴, the least
const HALF = memory.data<u32>([0x8000, 0x7fff, 0x7bff, 0x400, 0x38000000, 0x7f800000, 0x33800000]);

/** The constants of {@link from_halves}, loaded once: literals in a loop cost V8 more. */
// @ts-ignore: decorator
@inline
export function half_constant(i: usize): v128 {
  return v128.load32_splat(HALF + (i << 2));
}

/**
 * Four halves, in the low 16 bits of each lane. Subnormals are integers times 2⁻²⁴: as subnormal floats they would take
 * a hundred cycles each.
 */
// @ts-ignore: decorator
@inline
export function from_halves(h: v128): v128 {
  const magnitude = v128.and(h, half_constant(1));
  let f = i32x4.add(i32x4.shl(magnitude, 13), half_constant(4));
  f = v128.or(f, v128.and(i32x4.gt_s(magnitude, half_constant(2)), half_constant(5)));
  const small = f32x4.mul(f32x4.convert_i32x4_s(magnitude), half_constant(6));
  f = v128.bitselect(small, f, i32x4.lt_s(magnitude, half_constant(3)));
  return v128.or(f, i32x4.shl(v128.and(h, half_constant(0)), 16));
}

// 0 sign | 1 the rest | 2 bits of 65520, halfway to the power of two after the largest half | 3 of 2⁻¹⁴, the smallest
// normal half | 4 0.5 | 5 what rebiases, less half a last bit | 6 one | 7 infinity | 8 NaN | 9 infinity of a half
const FLOAT = memory.data<u32>([
  0x80000000, 0x7fffffff, 0x477ff000, 0x38800000, 0x3f000000, 0x37fff001, 1, 0x7f800000, 0x7e00, 0x7c00,
]);

// @ts-ignore: decorator
@inline
function float_constant(i: usize): v128 {
  return v128.load32_splat(FLOAT + (i << 2));
}

/**
 * Four floats to halves in the low 16 bits of each lane. A subnormal half is a multiple of 2⁻²⁴, the last bit of a float
 * in [0.5, 1): adding 0.5 rounds to it.
 */
// @ts-ignore: decorator
@inline
export function to_halves(f: v128): v128 {
  const magnitude = v128.and(f, float_constant(1));
  const odd = v128.and(i32x4.shr_u(magnitude, 13), float_constant(6));
  let h = i32x4.shr_u(i32x4.add(i32x4.sub(magnitude, float_constant(5)), odd), 13);
  const small = i32x4.sub(f32x4.add(magnitude, float_constant(4)), float_constant(4));
  h = v128.bitselect(small, h, i32x4.lt_s(magnitude, float_constant(3)));
  h = v128.bitselect(float_constant(9), h, i32x4.ge_s(magnitude, float_constant(2)));
  h = v128.bitselect(float_constant(8), h, i32x4.gt_s(magnitude, float_constant(7)));
  return v128.or(h, i32x4.shr_u(v128.and(f, float_constant(0)), 16));
}

/** Four floats to bfloats, in the same places. */
// @ts-ignore: decorator
@inline
export function to_bfloats(f: v128): v128 {
  const odd = v128.and(i32x4.shr_u(f, 16), float_constant(6));
  const b = i32x4.shr_u(i32x4.add(i32x4.add(f, i32x4.splat(0x7fff)), odd), 16);
  const nan = v128.or(i32x4.shr_u(f, 16), i32x4.splat(0x40));
  return v128.bitselect(nan, b, i32x4.gt_s(v128.and(f, float_constant(1)), float_constant(7)));
}

/** One float to a half. */
export function to_half(f: f32): u32 {
  return i32x4.extract_lane(to_halves(f32x4.splat(f)), 0);
}
