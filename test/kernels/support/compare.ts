// What every kernel test compares with.

import { assert } from 'vitest';

/** Every element has the same bits; one NaN is as good as another, as outputs leave with the canonical one. */
export function expect_same_bits(got: Float32Array, want: Float32Array, what: string): void {
  assert.strictEqual(got.length, want.length, `${what}: length`);
  const place = first_difference(got, want);
  if (place >= 0) assert.fail(`${what}: element ${place} is ${got[place]!}, not ${want[place]!}`);
}

/** Index of the first element that differs in a bit, or −1. */
export function first_difference(got: Float32Array, want: Float32Array): number {
  const a = new Uint32Array(got.buffer, got.byteOffset, got.length);
  const b = new Uint32Array(want.buffer, want.byteOffset, want.length);
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !(Number.isNaN(got[i]) && Number.isNaN(want[i]))) return i;
  }
  return -1;
}

/** |got − want| ≤ bound, element by element; NaN matches NaN alone, an infinity itself alone. */
export function expect_within(
  got: Float32Array,
  want: Float64Array | Float32Array,
  bound: Float64Array,
  what: string,
): void {
  assert.strictEqual(got.length, want.length, `${what}: length`);
  for (let i = 0; i < got.length; i++) {
    if (Object.is(got[i], want[i]) || got[i] === want[i]) continue;
    if (!(Math.abs(got[i]! - want[i]!) <= bound[i]!))
      assert.fail(`${what}: element ${i} is ${got[i]!}, not ${want[i]!} ± ${bound[i]!}`);
  }
}
