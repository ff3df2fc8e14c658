// The matrix of digests: 100 pictures and 100 texts through the embedded model, in fp32 and in 8 bits, by one thread and by
// two, a call for each and one for all, give the same bits in every runtime. `npm run matrix` prints it. A runtime that is
// missing is a failure: npm test installs them (scripts/setup.mjs).

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { COUNT, INSTALLED, ITEMS, matrix_blob, PICTURES, TEXTS } from './matrix/inputs.ts';
import { RUNTIMES, type Row, type Runtime } from './matrix/runtimes.ts';
import { faults, table, type Outcome } from './matrix/table.ts';

// Seconds where nothing else runs; starting a browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 420_000, hookTimeout: 240_000 });

const blob = matrix_blob();
const outcomes = new Map<Runtime, Outcome>();
let reference: Row;

beforeAll(async () => {
  reference = await RUNTIMES[0]!.run(blob);
});

afterAll(() => {
  const { version } = JSON.parse(readFileSync(`${INSTALLED}package.json`, 'utf8')) as { version: string };
  console.log(
    `\n\nSHA-256 of the embeddings of ${PICTURES.size} pictures and ${TEXTS.length} texts by align-wasm ${version} (none: no threads there)\n\n${table(outcomes, reference)}\n`,
  );
});

test(`the inputs are ${COUNT} pictures and ${COUNT} texts, the first 100 of a kind all different`, () => {
  expect([PICTURES.size, TEXTS.length, ITEMS.length]).toEqual([COUNT, COUNT, 2 * COUNT]);
  expect(new Set(TEXTS.slice(0, 100)).size).toBe(100);
  const { items } = reference.cells[0]!;
  // A few texts are nothing but what the tokenizer leaves out.
  expect(new Set(items).size).toBeGreaterThan(1.5 * COUNT);
});

test('a bit of one embedding, a cell that is missing and a runtime that is missing show', () => {
  const [runtime] = RUNTIMES;
  const [first, ...others] = reference.cells;
  const items = first!.items!.map((item, i) => (i === 3 ? 'another' : item));
  const off: Row = {
    version: '0',
    cells: [...others.slice(1), { ...others[0]!, digest: 'f'.repeat(64), items }],
  };
  const found = faults(runtime!, off, reference);
  expect(found).toEqual([
    'fp32, 1 thread, alone: there is nothing',
    expect.stringMatching(
      /^fp32, 1 thread, batch: f{64} is not .*; 1 of \d+ embeddings differ: the picture examples.pictures.camera.png$/,
    ),
  ]);
  const printed = table(
    new Map<Runtime, Outcome>([
      [runtime!, off],
      [RUNTIMES[1]!, new Error('gone')],
    ]),
    reference,
  );
  expect(printed).toContain(' !ffffffff ');
  expect(printed).toMatch(/newest Node FAILED( +!){8}$/);
});

test.each(RUNTIMES.map((runtime) => [runtime.name, runtime] as const))('%s', async (_, runtime) => {
  try {
    const row = runtime === RUNTIMES[0] ? reference : await runtime.run(blob);
    outcomes.set(runtime, row);
    const found = faults(runtime, row, reference);
    if (found.length > 0)
      expect.fail(`${runtime.name} ${row.version} is not as ${RUNTIMES[0]!.name}:\n${found.join('\n')}`);
  } catch (error) {
    if (!outcomes.has(runtime)) outcomes.set(runtime, error as Error);
    throw error;
  }
});
