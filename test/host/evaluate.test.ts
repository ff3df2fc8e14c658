// What `npm run evaluate` prints: retrieval on held-out artwork, as PyTorch found it.

import { expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { evaluate, read_held_out, read_reference } from '../../scripts/evaluate.mjs';

test('The embedded model finds held-out pictures and names exactly as often as in PyTorch', async () => {
  const sets = await read_held_out();
  expect([...sets.values()].map((pictures) => pictures.length)).toEqual([125, 125, 125, 125]);
  using align = await Align.load();
  expect(await evaluate(align)).toEqual(await read_reference());
});
