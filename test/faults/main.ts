// The thread behind run.mjs: every kind of fault in turn, then the table.

import { parentPort, workerData } from 'node:worker_threads';
import { table, type Order, type Row } from './harness.ts';
import { KINDS_OF_FAULTS } from './kinds.ts';

const { only, ...order } = workerData as Order & { only: string | null };
const chosen = KINDS_OF_FAULTS.filter(({ name }) => only === null || name === only);
if (chosen.length === 0)
  throw new Error(`no kind ${only}: there are ${KINDS_OF_FAULTS.map(({ name }) => name).join(', ')}`);

const rows: Row[] = [];
for (const { run } of chosen) rows.push(...(await run((point) => parentPort!.postMessage(point), order)));
console.log(table(rows));
const empty = rows.filter(({ points }) => points === 0).map(({ fault }) => fault);
if (empty.length > 0) console.log(`no point was tried of ${empty.join('; ')}`);
process.exitCode = empty.length === 0 && rows.every(({ findings }) => findings.length === 0) ? 0 : 1;
