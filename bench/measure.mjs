// Times of things that alternate, and how they are printed.

/**
 * Runs every contestant once a round, in turn, so that whatever disturbs the machine disturbs all; the first round only warms up.
 * @param contestants functions, sync or async
 * @returns for each, { best, median } in ms
 */
export async function alternate(contestants, rounds) {
  const times = contestants.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, run] of contestants.entries()) {
      const start = performance.now();
      await run();
      if (round > 0) times[i].push(performance.now() - start);
    }
  }
  return times.map(summary);
}

export function summary(times) {
  const sorted = times.toSorted((a, b) => a - b);
  return { best: sorted[0], median: sorted[sorted.length >> 1] };
}

/** GFLOP/s of `macs` multiply-accumulates in `ms`, or '' where there is nothing to count. */
export const gflops = (macs, ms) => (macs > 0 && ms > 0 ? ((2 * macs) / ms / 1e6).toFixed(1) : '');

/** '' where there is no time. */
export const ms = (time) => (Number.isNaN(time) ? '' : time.toFixed(time < 10 ? 2 : 1));

/** Prints rows of cells as a table: the first column to the left, numbers to the right. */
export function print_table(header, rows) {
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i].length)));
  for (const row of [header, ...rows]) {
    console.log(
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    );
  }
}
