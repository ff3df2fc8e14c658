// One piece of work, several contestants, each in a process of its own, round by round.

import { alternate, gflops } from './measure.mjs';
import { WORK } from './work.mjs';

/** What a row says of a contestant that could not be opened. */
export function reason({ code, message }) {
  const refused = code === 'invalid_argument' && message.includes('not supported');
  return refused ? `not supported by this version: ${message}` : message;
}

/**
 * Opens the contestants, times them in turn and records a row for each; one that fails gets a row that says why.
 * @param contestants [{ who, module, options }]
 * @param after called with what opened, [{ contestant, row, call, features }], before it is closed
 */
export async function compete(bench, { section, work, where, contestants, rounds }, after = () => {}) {
  const place = await bench.place(where);
  if (!place) return;
  const open = [];
  for (const contestant of contestants) {
    const { who, module, options } = contestant;
    const row = { section, work, where: place.name, who, id: `${work} | ${where} | ${who}` };
    const { call, close } = place.start();
    bench.say(`${WORK[work].title}: ${who} (${place.name})`);
    try {
      check(options, await call(module, 'open', work, options));
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
  try {
    const times = await alternate(
      open.map(
        ({ contestant, call }) =>
          () =>
            call(contestant.module, 'run'),
      ),
      rounds,
    );
    for (const [i, { row }] of open.entries()) {
      Object.assign(row, times[i], { unit: 'ms' });
      if (WORK[work].flop) row.gflops = gflops(WORK[work].flop, times[i].median);
    }
    await after(open);
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
