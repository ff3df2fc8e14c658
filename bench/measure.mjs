// Times of things that alternate, and how numbers are written. Nothing here knows what is measured.

/**
 * Runs every contestant once a round, in turn, so that whatever disturbs the machine disturbs all; the first round only
 * warms up.
 * @param contestants functions that give the ms they took, as a number or a promise
 * @param budget ms after which no further round begins, once one has counted
 * @returns for each, { best, median } in ms, and `rounds` where they were fewer than asked for
 */
export async function alternate(contestants, rounds, budget = Infinity) {
  const times = contestants.map(() => []);
  const end = performance.now() + budget;
  for (let round = 0; round <= rounds; round++) {
    if (round > 1 && performance.now() > end) break;
    for (const [i, run] of contestants.entries()) {
      const time = await run();
      if (round > 0) times[i].push(time);
    }
  }
  return times.map((own) => ({
    ...summary(own),
    ...(own.length < rounds && { rounds: own.length }),
  }));
}

/** What `task` gives, if it does within `ms`. @throws where it does not */
export async function within(ms, task) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  return Promise.race([task, late]).finally(() => clearTimeout(timer));
}

/** A function that gives the ms which `work` takes, for {@link alternate}. */
export function timed(work) {
  return async () => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
}

/** { best, median } of at least one number; of an even count the upper of the two in the middle. */
export function summary(times) {
  const sorted = times.toSorted((a, b) => a - b);
  return { best: sorted[0], median: sorted[sorted.length >> 1] };
}

/** GFLOP/s of `flop` operations in `ms`. */
export const gflops = (flop, ms) => flop / ms / 1e6;

/** A number with three digits that count, or '' where there is none. */
export function digits(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return '';
  if (value > 0.99 && value < 1) return value.toFixed(5); // a cosine, of which the distance from 1 counts
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  const whole = Math.max(1, Math.ceil(Math.log10(Math.abs(value) + 1e-9)));
  return value.toFixed(Math.min(3, Math.max(0, 3 - whole)));
}

/** Rows of cells as lines of text: the first column to the left, the others to the right where they look like numbers. */
export function table(header, rows) {
  const lines = [header, ...rows.map((row) => row.map((cell) => cell ?? ''))];
  const widths = header.map((_, i) => Math.max(...lines.map((row) => row[i].length)));
  const numeric = header.map((_, i) => i > 0 && rows.every((row) => /^([-≥≤<>\d(]|$)/.test(row[i] ?? '')));
  return lines.map((row) =>
    row
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
}

/** The largest difference of two arrays over the largest value of the first. */
export function difference(reference, values) {
  let [largest, most] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    largest = Math.max(largest, Math.abs(reference[i]));
    most = Math.max(most, Math.abs(reference[i] - values[i]));
  }
  return most / largest;
}

/** The smallest cosine similarity between rows of `width` values. */
export function least_cosine(a, b, width) {
  let least = 1;
  for (let from = 0; from < a.length; from += width) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = from; i < from + width; i++) {
      ab += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    least = Math.min(least, ab / Math.sqrt(aa * bb));
  }
  return least;
}

/** Same numbers on every run: 32 bits each, of which the high ones are the better. */
export function make_random(seed = 1) {
  let x = seed;
  return () => (x = (Math.imul(x, 1664525) + 1013904223) | 0) >>> 0;
}
