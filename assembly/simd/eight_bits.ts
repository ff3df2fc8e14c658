// The rule by which a column of weights or a row of activations gets 8 bits: q = v · 127 / largest |v|, to the nearest
// integer, ties to even; v ≈ q · largest / 127. Numbers that all lie below TINY count as zeros, as 127 / largest has no
// meaning there.

const TINY: f32 = 7.888609052210118e-31; // 2⁻¹⁰⁰

/** What 1 stands for; NaN where the largest is infinite or NaN, so that no product of such numbers is finite. */
export function step(largest: f32): f32 {
  return largest < TINY ? 0 : largest / 127 + (largest - largest);
}

/** The factor that gives 8 bits. */
export function inverse(largest: f32): f32 {
  return largest < TINY ? 0 : 127 / largest;
}

/** Rounds |x| < 2²² and leaves the integer in the low bits: 1.5 · 2²³ has no place for a fraction. */
export const ROUND: f32 = 12582912;
export const ROUND_BITS: i32 = 0x4b400000;

/** The larger, where bits of non-negative floats are compared as integers: NaN counts as more than infinity. */
// @ts-ignore: decorator
@inline
export function larger(a: v128, b: v128): v128 {
  return i32x4.max_s(a, b);
}
