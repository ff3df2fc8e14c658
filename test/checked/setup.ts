// Before every test file of a run on the checked build. Afterwards it says how much of it was checked: one line of JSON a file.

import { appendFileSync } from 'node:fs';
import { afterAll } from 'vitest';
import { checked, install_checked_build } from './checked.ts';

install_checked_build();

afterAll(() => {
  const counts = process.env['CHECKED_COUNTS'];
  if (counts !== undefined) appendFileSync(counts, `${JSON.stringify(checked)}\n`);
});
