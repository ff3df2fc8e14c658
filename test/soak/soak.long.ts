// The short soak: every subject, from a seed that is printed; and that a leak is found.

import { expect, test } from 'vitest';
import { soaker } from './process.mjs';
import { table } from './table.ts';
import { NAMES } from './volumes.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
const soak = await soaker({ quick: true, seed });

test.each(NAMES)(`%s, seed ${seed}`, async (name) => {
  const row = await soak(name);
  console.log(table([row]));
  expect(row.findings).toEqual([]);
  expect(row.cycles).toBeGreaterThan(0);
});

test('2 KB that every load keeps are found', async () => {
  const row = await (await soaker({ quick: false, seed, leak: 2048 }))('load');
  console.log(table([row]));
  expect(row.findings).toContainEqual(expect.stringMatching(/^\d+ bytes more are held$/));
  expect(row.findings).toContainEqual(expect.stringMatching(/^\d+ bytes a cycle are held$/));
});
