// npm run oracle -- [--only NAME] [--count N] [--seed S] [--first I] [--python COMMAND]: cases without end against Python (the
// packages of test/golden/requirements.txt), as one table. Counts are a subject's; without one, those of a release.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { columns } from '../support/columns.ts';
import { SUBJECTS, type Subject } from './subjects.ts';

const MOST_FINDINGS = 20;

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    first: { type: 'string', default: '0' },
    python: { type: 'string', default: 'python3' },
  },
});

/** Compares a subject's cases; gives its row, and how many differ. */
async function compared({ name, count, open }: Subject): Promise<{ row: string[]; findings: number }> {
  const compare = await open();
  const cases = flags.count ?? String(count);
  const began = performance.now();
  const args = ['test/golden/stream.py', name, flags.seed, flags.first, cases];
  const python = spawn(flags.python, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(python, 'close');
  let [done, findings] = [0, 0];
  for await (const line of createInterface({ input: python.stdout })) {
    const problem = await compare(line);
    if (problem !== null && ++findings <= MOST_FINDINGS)
      console.log(`${name} ${Number(flags.first) + done} of seed ${flags.seed}: ${problem}`);
    done++;
  }
  const [status] = (await ended) as [number | null];
  if (status !== 0 || done !== Number(cases))
    throw new Error(`${flags.python} ended with ${status} after ${done} of ${cases} cases of ${name}`);
  const seconds = Math.round((performance.now() - began) / 1000);
  return {
    row: [name, done.toLocaleString('en'), findings.toLocaleString('en'), String(seconds)],
    findings,
  };
}

const chosen = SUBJECTS.filter(({ name }) => flags.only === undefined || name === flags.only);
if (chosen.length === 0)
  throw new Error(`no subject ${flags.only}: there are ${SUBJECTS.map(({ name }) => name).join(', ')}`);
console.log(`seed ${flags.seed}`);
const rows = [['subject', 'cases', 'different', 'seconds']];
for (const subject of chosen) {
  const { row, findings } = await compared(subject);
  rows.push(row);
  if (findings > 0) process.exitCode = 1;
}
console.log(columns(rows));
