// Every kind of fault at every point: what npm run faults prints, with what has to come of it.

import { expect, test } from 'vitest';
import { table } from './harness.ts';
import { KINDS_OF_FAULTS } from './kinds.ts';

/** Points that each kind has at least: fewer, and something is not tried any more. */
const LEAST: Readonly<Record<string, number>> = {
  memory: 800,
  abort: 400,
  gpu: 90,
  threads: 200,
  network: 140,
};

const seed = Math.floor(Math.random() * 2 ** 31);

test.each(KINDS_OF_FAULTS)(`$name, seed ${seed}`, async ({ name, run }) => {
  let point = 'no point';
  const rows = await run((next) => (point = next), { points: null, seed });
  console.log(table(rows));
  expect(rows.flatMap(({ findings }) => findings)).toEqual([]);
  expect(rows.map(({ wrong, hung, leaks }) => wrong + hung + leaks)).toEqual(rows.map(() => 0));
  expect(
    rows.reduce((sum, { points }) => sum + points, 0),
    point,
  ).toBeGreaterThan(LEAST[name]!);
  for (const { fault, points } of rows) expect(points, fault).toBeGreaterThan(0);
});
