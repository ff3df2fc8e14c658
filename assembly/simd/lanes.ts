// Four f32 lanes. The only file that knows whether multiply-add is fused.

/** acc + a · b, per lane: two roundings, or the host's choice when the module is built with relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function madd(acc: v128, a: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, acc) : f32x4.add(acc, f32x4.mul(a, b));
}

/** The sum of the lanes in the one order that every row sum uses: (l0 + l1) + (l2 + l3). */
// @ts-ignore: decorator
@inline
export function sum_lanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

const LANE_INDEX = memory.data<i32>([0, 1, 2, 3], 16);

/** All ones in the lanes that hold columns of a row of `width`, zeros in the pad lanes of its last vector. */
// @ts-ignore: decorator
@inline
export function last_mask(width: u32): v128 {
  const used = ((width - 1) & 3) + 1;
  return i32x4.lt_s(v128.load(LANE_INDEX), i32x4.splat(used));
}
