// What the properties of several subjects draw: sizes, seeds of numbers, texts of all of Unicode.

import fc, { type Arbitrary } from 'fast-check';

/** An integer from low to high, both included. */
export const whole = (low: number, high: number): Arbitrary<number> => fc.integer({ min: low, max: high });

/** One of a list. */
export const pick = <const T>(...values: readonly T[]): Arbitrary<T> => fc.constantFrom(...values);

/** The seed of a generator of numbers: what has sizes of its own is drawn as sizes and a seed, which shrink well. */
export const seed: Arbitrary<number> = whole(0, 2 ** 31 - 1);

/** A float of moderate size that is an f32. */
export const moderate: Arbitrary<number> = fc.float({ min: -1000, max: 1000, noNaN: true });

/** A text as UTF-16 may hold it: lone surrogates, too. */
export const utf16: Arbitrary<string> = fc
  .array(whole(0, 0xffff), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units));

/** A text without lone surrogates: printable, any of Unicode, or in words. */
export const unicode: Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.lorem({ maxCount: 5 }),
);

/** An order of 0 … count − 1. */
export const order = (count: number): Arbitrary<number[]> =>
  fc.shuffledSubarray(
    Array.from({ length: count }, (_, i) => i),
    { minLength: count },
  );
