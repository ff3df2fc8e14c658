// npm run soak -- [--quick] [--only NAME] [--seed S]: soaks everything, or what is named, and prints one table. --quick
// takes what npm run test:long takes.

import { parseArgs } from 'node:util';
import { bundle_of } from '../support/bundled.mjs';
import { soaker } from './process.mjs';

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, seed: { type: 'string' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const { NAMES } = await import(await bundle_of('test/soak/volumes.ts'));
const { table } = await import(await bundle_of('test/soak/table.ts'));
const chosen = NAMES.filter((name) => values.only === undefined || name === values.only);
if (chosen.length === 0) throw new Error(`there is no ${values.only}: there are ${NAMES.join('; ')}`);
console.log(`seed ${seed}`);

const soak = await soaker({ quick: values.quick, seed });
const rows = [];
for (const name of chosen) {
  const row = await soak(name);
  rows.push(row);
  console.log(`${new Date().toTimeString().slice(0, 8)} ${name}: ${row.findings.join('; ') || 'flat'}`);
}
console.log(table(rows));
process.exitCode = rows.every(({ findings }) => findings.length === 0) ? 0 : 1;
