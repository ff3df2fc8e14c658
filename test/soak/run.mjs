// npm run soak -- [--quick] [--only NAME] [--seed S]: soaks everything, or what is named, and prints one table. --quick
// takes what npm run test:long takes.

import { bundle_of } from '../support/bundled.mjs';
import { any_seed, failed, flags } from '../support/flags.mjs';
import { soaker } from './process.mjs';

const { quick = false, only, seed = any_seed() } = flags({ quick: 'switch', only: 'text', seed: 'number' });
const { NAMES } = await import(await bundle_of('test/soak/volumes.ts'));
const { table } = await import(await bundle_of('test/soak/table.ts'));
const chosen = NAMES.filter((name) => only === undefined || name === only);
if (chosen.length === 0) failed(`there is no ${only}: there are ${NAMES.join('; ')}`);
console.log(`seed ${seed}`);

const soak = await soaker({ quick, seed });
const rows = [];
for (const name of chosen) {
  const row = await soak(name);
  rows.push(row);
  console.log(`${new Date().toTimeString().slice(0, 8)} ${name}: ${row.findings.join('; ') || 'flat'}`);
}
console.log(table(rows));
process.exitCode = rows.every(({ findings }) => findings.length === 0) ? 0 : 1;
