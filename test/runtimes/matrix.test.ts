// The matrix of digests: 100 pictures and 100 texts through the embedded model, in fp32 and in 8 bits, by one thread and by
// two, a call for each and one for all, give the same bits in every runtime. `npm run matrix` prints it. A runtime that is
// missing is a failure: npm test installs them (scripts/setup.mjs).

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { INSTALLED, ITEMS, matrix_blob, PICTURES, TEXTS } from './matrix/inputs.ts';
import { RUNTIMES, type Row, type Runtime } from './matrix/runtimes.ts';
import { faults, table, type Outcome } from './matrix/table.ts';

// Seconds where nothing else runs; starting a browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const blob = matrix_blob();
const outcomes = new Map<Runtime, Outcome>();
let reference: Row;

beforeAll(async () => {
  reference = await RUNTIMES[0]!.run(blob);
});

afterAll(() => {
  const { version } = JSON.parse(readFileSync(`${INSTALLED}package.json`, 'utf8')) as { version: string };
  console.log(
    `SHA-256 of the embeddings of ${PICTURES.size} pictures and ${TEXTS.length} texts by align-wasm ${version} (none: no threads there)\n\n${table(outcomes, reference)}\n`,
  );
});

test('the inputs are 100 pictures and 100 texts, no two of a kind the same', () => {
  expect([PICTURES.size, new Set(TEXTS).size, ITEMS.length]).toEqual([100, 100, 200]);
  const { items } = reference.cells[0]!;
  // A few texts are nothing but what the tokenizer leaves out.
  expect(new Set(items).size).toBeGreaterThan(150);
});

test.each(RUNTIMES.map((runtime) => [runtime.name, runtime] as const))('%s', async (_, runtime) => {
  try {
    const row = runtime === RUNTIMES[0] ? reference : await runtime.run(blob);
    outcomes.set(runtime, row);
    expect(faults(runtime, row, reference)).toEqual([]);
  } catch (error) {
    if (!outcomes.has(runtime)) outcomes.set(runtime, error as Error);
    throw error;
  }
});
