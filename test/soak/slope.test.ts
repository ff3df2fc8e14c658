// The fit and the verdict, on series whose slope is known.

import { expect, test } from 'vitest';
import { Dice } from '../fuzz/dice.ts';
import { ALLOWED, late_fit, leaks, type Row } from './harness.ts';
import { NO_BYTES } from './memory.ts';
import { fit, least } from './slope.ts';

const CYCLES = 1000;
const SAMPLES = 200;
const at = Array.from({ length: SAMPLES }, (_, i) => ((i + 1) * CYCLES) / SAMPLES);

/** Resident memory as it is: what was there, steps that come and go, and so many bytes a cycle. */
function series(seed: number, slope: number): number[] {
  const dice = Dice.of(seed, 0);
  let step = 0;
  return at.map((cycle) => {
    if (dice.chance(0.1)) step = 262_144 * dice.below(3);
    return 90e6 + step + 4096 * dice.below(8) + slope * cycle;
  });
}

/** What a row of these series is found to be, of counted and of resident bytes. */
function verdict(held: readonly number[], resident: readonly number[]): string[] {
  const bytes = (heap: number): Row['held']['before'] => ({ ...NO_BYTES, heap });
  return leaks(CYCLES, {
    held: { before: bytes(held[0]!), after: bytes(held.at(-1)!), fit: late_fit(at, held) },
    rss: { before: resident[0]!, after: resident.at(-1)!, most: 0, fit: late_fit(at, resident) },
  });
}

const FLAT = at.map(() => 1e7);

test('a line is found as it is', () => {
  const found = fit([0, 1, 2, 5], [7, 10, 13, 22]);
  expect(found.slope).toBeCloseTo(3, 12);
  expect(found.error).toBeCloseTo(0, 12);
  // Worked by hand: slope 0.6, residuals 0.4, -0.2, -0.8, 0.6; r = max(0, -0.4) and so all four samples count.
  const scattered = fit([0, 1, 2, 3], [1, 1, 1, 3]);
  expect(scattered.slope).toBeCloseTo(0.6, 12);
  expect(scattered.error).toBeCloseTo(Math.sqrt(1.2 / 2 / 5), 12);
  expect(() => fit([1, 2], [1, 2])).toThrow('3 samples');
});

test('what goes up and down is flat, in every one of 500 series', () => {
  for (let seed = 0; seed < 500; seed++) expect(verdict(FLAT, series(seed, 0))).toEqual([]);
});

test('one step is no slope', () => {
  const stepped = at.map((cycle) => 90e6 + (cycle > 700 ? 2e6 : 0));
  expect(least(late_fit(at, stepped))).toBeLessThan(ALLOWED / CYCLES);
});

test('4 KB a cycle of resident memory are found among such steps, nearly always; 2 KB where it is quiet', () => {
  const found = Array.from({ length: 500 }, (_, seed) => verdict(FLAT, series(seed, 4096)).length);
  expect(found.filter((count) => count === 1).length).toBeGreaterThan(450);
  const quiet = at.map((cycle, i) => 90e6 + 4096 * (i % 5) + 2048 * cycle);
  expect(verdict(FLAT, quiet)).toEqual([expect.stringMatching(/^resident memory grows by 20\d\d bytes/)]);
});

test('2 KB a cycle of what is counted are found, twice', () => {
  const held = at.map((cycle, i) => 1e7 + 2000 * (i % 7) + 2048 * cycle);
  expect(verdict(held, series(1, 0))).toHaveLength(2);
});
