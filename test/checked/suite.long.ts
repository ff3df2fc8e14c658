// The suite on the checked build: every test of kernels, goldens (a model of align-base's size among them), models, tokenizers,
// resizing and indexes that computes in its own thread.

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { checked } from './checked.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The table of kernels is in checked.test.ts, in all but its executors; what else is left out computes elsewhere, or nothing. */
const FILES = [
  ...[
    'activation',
    'attention',
    'conv2d',
    'depthwise',
    'expand_depthwise',
    'formats',
    'gemm',
    'pack',
    'pool',
  ].map((op) => `test/kernels/${op}.test.ts`),
  ...['test/kernels/quantized.test.ts', 'test/kernels/rows.test.ts', 'test/golden'],
  ...[
    'align',
    'checkpoint',
    'dtypes',
    'joint',
    'label_set',
    'models',
    'packed',
    'pipeline',
    'plan',
    'scores',
    'search',
    'search_calls',
    'search_file',
  ].map((name) => `test/host/${name}.test.ts`),
  ...['test/kernels/search.test.ts', 'test/processor/tokenizer.test.ts', 'test/processor/resize.test.ts'],
  ...['tokenizer', 'resize', 'search'].map((name) => `test/properties/${name}.test.ts`),
];

type Counts = typeof checked;

interface Report {
  numPassedTests: number;
  numTotalTests: number;
  testResults: { assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[];
}

test('the suite passes on the checked build', () => {
  const report = join(tmpdir(), `align-wasm-checked-${process.pid}.json`);
  const counts = `${report}.counts`;
  const env = { ...process.env, LONG: '', CHECKED_COUNTS: counts };
  try {
    spawnSync(
      process.execPath,
      [at('../../node_modules/vitest/vitest.mjs'), 'run', '--config', at('vitest.config.ts'), '--reporter=json', `--outputFile=${report}`, ...FILES],
      { cwd: at('../..'), env, stdio: 'ignore' },
    ); // prettier-ignore
    const { numPassedTests, numTotalTests, testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    const failed = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join()}`);
    const lines = readFileSync(counts, 'utf8').trim().split('\n');
    const sum = (name: Exclude<keyof Counts, 'calls'>): number =>
      lines.reduce((total, line) => total + (JSON.parse(line) as Counts)[name], 0);
    console.log(
      `${numPassedTests} tests passed on the checked build: ${sum('ops')} ops, ${sum('planned')} of them of whole plans, ${sum('packs')} ranges packed`,
    );
    expect(sum('planned')).toBeGreaterThan(10_000);
    expect(sum('packs')).toBeGreaterThan(1000);
    expect(failed).toEqual([]);
    expect(numPassedTests).toBe(numTotalTests);
    expect(numPassedTests).toBeGreaterThan(500);
    expect(testResults.length).toBeGreaterThan(FILES.length);
  } finally {
    rmSync(report, { force: true });
    rmSync(counts, { force: true });
  }
});
