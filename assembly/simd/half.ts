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

// A subnormal half is a multiple of 2⁻²⁴, the last bit of a float in [0.5, 1): adding 0.5 rounds to it.
export function to_half(f: f32): u32 {
  const bits = reinterpret<u32>(f);
  const sign = (bits >> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520, halfway to the next power of two
  if (magnitude < 0x38800000) return sign | (reinterpret<u32>(reinterpret<f32>(magnitude) + 0.5) - 0x3f000000);
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13);
}

export function to_bfloat(f: f32): u32 {
  const bits = reinterpret<u32>(f);
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >> 16) & 0x8000) | 0x7fc0;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}
