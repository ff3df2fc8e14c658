// One piece of work, several contestants, each in a process of its own, round by round.

import { alternate, gflops, within } from './measure.mjs';
import { WORK } from './work.mjs';

/** What a row says of a contestant that could not be opened. */
export function reason({ code, message }) {
  const refused = code === 'invalid_argument' && message.includes('not supported');
  return refused ? `not supported by this version: ${message}` : message;
}

/**
 * Opens the contestants, times them in turn and records a row for each; one that fails gets a row that says why, and the
 * others go on.
 * @param race `contestants`: [{ who, module, options }]; `budget`: ms after which no further round begins; `limit`: ms in
 *   which a contestant opens, and in which it runs once
 * @param after called with what opened and ran, [{ contestant, row, call, features }], before it is closed
 * @param each called with { row, call } of a contestant before it opens, and after it opened and every run
 */
export async function compete(bench, race, after = () => {}, each = () => {}) {
  const { section, work, where, contestants, rounds, budget, limit = 3_600_000 } = race;
  const place = await bench.place(where);
  if (!place) return;
  const open = [];
  for (const contestant of contestants) {
    const { who, module, options } = contestant;
    const row = { section, work, where: place.name, who, id: `${work} | ${where} | ${who}` };
    const { call, close } = place.start();
    bench.say(`${WORK[work].title}: ${who} (${place.name})`);
    try {
      await each({ row, call }, 'start');
      check(options, await within(limit, call(module, 'open', work, options)));
      await each({ row, call }, 'open');
      open.push({
        contestant,
        row,
        call,
        close,
        features: (...more) => call(module, 'features', work, ...more),
      });
    } catch (error) {
      close();
      bench.record({ ...row, error: reason(error) });
    }
  }
  const run = async ({ contestant, row, call }) => {
    if (row.error) return NaN;
    try {
      const time = await within(limit, call(contestant.module, 'run'));
      await each({ row, call }, 'run');
      return time;
    } catch (error) {
      row.error = reason(error);
      return NaN;
    }
  };
  try {
    const times = await alternate(
      open.map((one) => () => run(one)),
      rounds,
      budget,
    );
    for (const [i, { row }] of open.entries()) {
      if (row.error) continue;
      Object.assign(row, times[i], { unit: 'ms' });
      if (WORK[work].flop) row.gflops = gflops(WORK[work].flop, times[i].median);
    }
    await after(open.filter(({ row }) => !row.error));
    for (const { row } of open) bench.record(row);
  } finally {
    for (const { close } of open) close();
  }
}

/** @throws where what opened is not what was asked for */
function check(options, { precision, threads }) {
  if (options.precision === 'fast' && precision !== 'fast')
    throw new Error('this runtime has no relaxed SIMD');
  if (options.threads > 1 && threads === 1) throw new Error('this runtime gave one thread');
}
