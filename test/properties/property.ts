// A property is a test of 1,000 cases that fast-check draws from a seed; a case that fails is shrunk to the smallest that
// still does. PROPERTY_SEED (and PROPERTY_PATH) draw the cases of an earlier run again: a failure names both. PROPERTY_RUNS
// draws more of them.

import fc, { type Arbitrary } from 'fast-check';
import { test } from 'vitest';

const { PROPERTY_SEED, PROPERTY_PATH, PROPERTY_RUNS } = process.env;

/** Cases of a property. */
const RUNS = Number(PROPERTY_RUNS ?? 1000);
const SEED = PROPERTY_SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(PROPERTY_SEED);
/** More cases than usual may take as long as they take. */
const OPTIONS = PROPERTY_RUNS === undefined ? {} : { timeout: 0 };

/** Arbitraries of a predicate's arguments. */
type Arbitraries<T extends readonly unknown[]> = { readonly [K in keyof T]: Arbitrary<T[K]> };

/** Registers a test: `predicate` must not throw for any draw of `arbitraries`. */
export function property<T extends [unknown, ...unknown[]]>(
  name: string,
  arbitraries: Arbitraries<T>,
  predicate: (...values: T) => void | Promise<void>,
): void {
  test(name, OPTIONS, () =>
    fc.assert(
      fc.asyncProperty<T>(...arbitraries, async (...values) => predicate(...values)),
      {
        numRuns: RUNS,
        seed: SEED,
        ...(PROPERTY_PATH !== undefined && { path: PROPERTY_PATH, endOnFailure: true }),
      },
    ),
  );
}
