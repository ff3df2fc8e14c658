// What `npm run evaluate` prints: answers on held-out artwork, as PyTorch gave them; and that rounding lost next to nothing.

import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { evaluate, read_held_out, read_reference } from '../../scripts/evaluate.mjs';
import { cli } from './cli.ts';
import { CHECKPOINT } from './zero_shot.ts';

test('There are 125 pictures of each of four sets, and 500 names', async () => {
  const sets = [...(await read_held_out()).values()];
  expect(sets.map(({ pictures }) => pictures.length)).toEqual([125, 125, 125, 125]);
  for (const { names } of sets) expect(new Set(names).size).toBe(500);
});

test('The checkpoint finds held-out pictures and names exactly as often as in PyTorch', async () => {
  using align = await Align.load(CHECKPOINT);
  expect(await evaluate(align)).toEqual(await read_reference());
});

test('The embedded model, of 8 bits, is right as often as the checkpoint, within one point on every set', async () => {
  using align = await Align.load();
  const [own, reference] = [await evaluate(align), await read_reference()];
  const sets = [...(await read_held_out()).keys()];
  for (const key of ['top 100', 'top 500'] as const) {
    const of = key === 'top 100' ? 100 : 125;
    const lost = sets.map((set) => {
      const rows = Object.keys(reference).filter((row) => row.startsWith(`${set} | `));
      return rows.reduce((sum, row) => sum + reference[row]![key][0] - own[row]![key][0], 0) / rows.length;
    });
    const mean = lost.reduce((sum, count) => sum + count, 0) / lost.length;
    const points = (count: number): string => ((100 * count) / of).toFixed(2);
    console.log(`${key}: ${points(mean)} points less, ${points(Math.max(...lost))} on the worst set`);
    expect(Math.max(...lost)).toBeLessThanOrEqual(of / 100);
  }
});

test('The embedded model is what convert makes of the checkpoint', async () => {
  const file = join(tmpdir(), `align-wasm-embedded-${process.pid}.safetensors`);
  try {
    const { status } = await cli(['convert', CHECKPOINT, '-o', file, '--dtype', 'q8']);
    expect(status).toBe(0);
    const embedded = readFileSync(new URL('../../weights/align-icons/model.safetensors', import.meta.url));
    expect(embedded.length).toBeLessThanOrEqual(4_000_000);
    expect(readFileSync(file).equals(embedded)).toBe(true);
  } finally {
    rmSync(file, { force: true });
  }
});
