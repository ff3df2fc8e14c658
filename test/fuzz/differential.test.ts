// Our reader takes and refuses the same safetensors files as Python's, but for what is listed here with its reason.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SafetensorsFile } from '../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { differential_files, pack, type Verdicts } from './differential.ts';

const verdicts = JSON.parse(readFileSync(new URL('differential.json', import.meta.url), 'utf8')) as Verdicts;

/** What we refuse and Python takes: the message, and why. */
const STRICTER: readonly [message: RegExp, why: string][] = [
  [/a key occurs twice/, 'the format forbids it; which of the two counts differs from reader to reader'],
  [/a tensor has dtype, shape and data_offsets only/, 'a member that one reader heeds and another does not'],
  [
    /unknown dtype "F(4|6_E2M3|6_E3M2)"/,
    'elements that share bytes: no ALIGN model has them, no kernel reads them',
  ],
  [/more than 8 dimensions/, 'the cap on the rank; ALIGN has 4'],
  [
    /not an integer from 0 to 2\^53 - 1: "\d{16,}"|shape \[.*\b0\b.*\] overflows/,
    'sizes above 2^53 beside a 0: no number of JavaScript holds them',
  ],
  [
    /the header does not begin with "\{"/,
    'the format asks for it; its reference has the check commented out',
  ],
  [/only spaces may follow the header/, 'the format pads with spaces alone'],
  [/"\{" is expected: "null"/, 'null for the metadata is not the map that the format asks for'],
];

test('the files are those that Python saw', () => {
  expect(verdicts.files).toBeGreaterThanOrEqual(20_000);
  const { sha256 } = pack(differential_files(verdicts.seed, verdicts.files));
  expect(sha256, 'the generator changed: run test/fuzz/differential.py').toBe(verdicts.sha256);
});

test('both say the same of each, but for a written list', async () => {
  const bits = Buffer.from(verdicts.accepted, 'base64');
  const refused = STRICTER.map(() => 0);
  let [both, i] = [0, 0];
  for (const bytes of differential_files(verdicts.seed, verdicts.files)) {
    const python = (bits[i >> 3]! & (1 << (i & 7))) !== 0;
    const problem = await SafetensorsFile.open(bytes_source('it', bytes)).then(
      () => null,
      (error: unknown) => (error as Error).message,
    );
    if (python && problem === null) both++;
    if (python && problem !== null) {
      const reason = STRICTER.findIndex(([message]) => message.test(problem));
      expect(reason, `file ${i}, which Python takes: ${problem}`).toBeGreaterThanOrEqual(0);
      refused[reason]!++;
    }
    if (!python) expect(problem, `file ${i}, which Python refuses`).not.toBeNull();
    i++;
  }
  // Enough of both kinds, and no reason that nothing needs.
  expect(both).toBeGreaterThan(verdicts.files / 10);
  for (const [reason, count] of refused.entries()) expect(count, STRICTER[reason]![1]).toBeGreaterThan(0);
});
