// Whether this runtime's relaxed SIMD may be used: it must accept the instruction and give one of the two answers that
// a multiply-add can have, fused or not.

/** (a, b, c) => the first lane of f32x4.relaxed_madd(a, b, c) */
const PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 125, 125, 125, 1, 125, 3, 2, 1, 0, 7, 8, 1, 4, 109, 97, 100,
  100, 0, 0, 10, 22, 1, 20, 0, 32, 0, 253, 19, 32, 1, 253, 19, 32, 2, 253, 19, 253, 133, 2, 253, 31, 0, 11,
]);

/** Runtimes that refuse to compile bytes have no relaxed build either. */
export async function relaxed_simd(): Promise<boolean> {
  if (!WebAssembly.validate(PROBE)) return false;
  try {
    const { instance } = await WebAssembly.instantiate(PROBE);
    const madd = instance.exports.madd as (a: number, b: number, c: number) => number;
    const x = 1 + 2 ** -12; // x² = 1 + 2⁻¹¹ + 2⁻²⁴, whose last bit only a fused operation keeps
    const answer = madd(x, x, -1);
    return answer === 2 ** -11 || answer === 2 ** -11 + 2 ** -24;
  } catch {
    return false;
  }
}
