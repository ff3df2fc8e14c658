// Rows of dense arrays.

import { assert } from 'vitest';

/** Row `i` of rows of `width`. */
export function row(data: Float32Array, i: number, width: number): Float32Array {
  return data.slice(i * width, (i + 1) * width);
}

/** Rows of `width`, in another order. */
export function permuted(data: Float32Array, width: number, places: readonly number[]): Float32Array {
  assert.strictEqual(data.length, places.length * width);
  return Float32Array.from(places.flatMap((place) => [...row(data, place, width)]));
}
