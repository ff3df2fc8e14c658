// The thread behind run.mjs: every target in turn, then the table. Findings go to the corpus.

import { parentPort, workerData } from 'node:worker_threads';
import { keep } from './corpus.ts';
import { fuzz, table, type Tally } from './harness.ts';
import { TARGETS } from './targets.ts';

interface Order {
  seed: number;
  first: number;
  files: number;
  seconds: number;
  only: string | null;
}

const { order, file } = workerData as { order: Order; file: Int32Array };
const { only, ...bounds } = order;
const chosen = TARGETS.filter(({ name }) => only === null || name === only);
if (chosen.length === 0)
  throw new Error(`no target ${only}: there are ${TARGETS.map(({ name }) => name).join(', ')}`);

const tallies: Tally[] = [];
for (const target of chosen) {
  parentPort!.postMessage(target.name);
  const tally = await fuzz(target, { ...bounds, at: (index) => (file[0] = index) });
  tallies.push(tally);
  for (const { index, files, finding } of tally.findings) {
    const path = keep(target.name, `seed ${order.seed}, file ${index}: ${finding.split('\n')[0]}`, files);
    console.log(`${target.name}, file ${index}, kept as ${path}: ${finding}`);
  }
}
console.log(table(tallies));
const empty = tallies.filter(({ files }) => files === 0).map(({ target }) => target.name);
if (empty.length > 0) console.log(`no file was tried of ${empty.join(', ')}`);
process.exitCode = tallies.every(({ files, findings }) => files > 0 && findings.length === 0) ? 0 : 1;
