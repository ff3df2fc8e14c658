// npm run oracle -- [--only NAME] [--count N] [--seed S] [--first I] [--python COMMAND]: cases without end against Python (the
// packages of test/golden/requirements.txt), as one table. Counts are a subject's; without one, those of a release.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { columns } from '../support/columns.ts';
import { any_seed, failed, flags } from '../support/flags.mjs';
import { SUBJECTS, type Subject } from './subjects.ts';

const MOST_FINDINGS = 20;

const given = flags({ only: 'text', count: 'number', seed: 'number', first: 'number', python: 'text' });
const { only, seed = any_seed(), first = 0, python: command = 'python3' } = given;
if (given.count === 0) failed('--count 0 compares nothing');

/** Compares a subject's cases; gives its row, and how many differ. */
async function compared({ name, count, open }: Subject): Promise<{ row: string[]; findings: number }> {
  const compare = await open();
  const cases = given.count ?? count;
  const began = performance.now();
  const args = ['test/golden/stream.py', name, ...[seed, first, cases].map(String)];
  const python = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(python, 'close');
  let [done, findings] = [0, 0];
  for await (const line of createInterface({ input: python.stdout })) {
    const problem = await compare(line);
    if (problem !== null && ++findings <= MOST_FINDINGS)
      console.log(`${name} ${first + done} of seed ${seed}: ${problem}`);
    done++;
  }
  const [status] = (await ended) as [number | null];
  if (status !== 0 || done !== cases)
    throw new Error(`${command} ended with ${status} after ${done} of ${cases} cases of ${name}`);
  const seconds = Math.round((performance.now() - began) / 1000);
  return {
    row: [name, done.toLocaleString('en'), findings.toLocaleString('en'), String(seconds)],
    findings,
  };
}

const chosen = SUBJECTS.filter(({ name }) => only === undefined || name === only);
if (chosen.length === 0)
  failed(`no subject ${only}: there are ${SUBJECTS.map(({ name }) => name).join(', ')}`);
console.log(`seed ${seed}`);
const rows = [['subject', 'cases', 'different', 'seconds']];
for (const subject of chosen) {
  const { row, findings } = await compared(subject);
  rows.push(row);
  if (findings > 0) process.exitCode = 1;
}
console.log(columns(rows));
