// The short fuzz: of every target as many files as it says, from a seed that is printed.

import { expect, test } from 'vitest';
import { fuzz, table } from './harness.ts';
import { TARGETS } from './targets.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

test.each(TARGETS)(`$files files for $name, seed ${seed}`, async (target) => {
  const tally = await fuzz(target, { seed, files: target.files });
  console.log(table([tally]));
  expect(tally.findings.map(({ index, finding }) => ({ index, finding }))).toEqual([]);
  expect(tally.files).toBe(target.files);
});
