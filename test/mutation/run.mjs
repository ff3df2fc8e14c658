// node test/mutation/run.mjs [--mutants N] [--seed S] [--only PATH] [--survivors] [--part I/N] [--report]: changes assembly/
// in one place at a time and sees whether a test fails. What is known is in results.jsonl and is not tried again, so a run
// goes on where the last one ended.

import { parseArgs } from 'node:util';
import { bundle_of } from '../support/bundled.mjs';

const { values } = parseArgs({
  options: {
    mutants: { type: 'string', default: '350' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: 'assembly/' },
    survivors: { type: 'boolean', default: false },
    part: { type: 'string', default: '0/1' },
    report: { type: 'boolean', default: false },
  },
});
if (!values.report) {
  const { run } = await import(await bundle_of('test/mutation/main.ts'));
  const [part, parts] = values.part.split('/').map(Number);
  await run({ ...values, mutants: Number(values.mutants), seed: Number(values.seed), part, parts });
}
const { write_report } = await import(await bundle_of('test/mutation/report.ts'));
write_report();
