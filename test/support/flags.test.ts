// The commands of tests take no flag that they do not understand, and try something.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test.each([
  ['fuzz', ['--seconds', 'abc'], '--seconds takes a whole number, 0 or more, not "abc"'],
  ['fuzz', ['--seconds'], 'argument missing'],
  ['fuzz', ['--files=-3'], '--files takes a whole number, 0 or more, not "-3"'],
  ['fuzz', ['--files', '-3'], "Option '--files' argument is ambiguous"],
  ['fuzz', ['--seed', 'xx'], '--seed takes a whole number, 0 or more, not "xx"'],
  ['fuzz', ['--seed', '9007199254740993'], 'not "9007199254740993"'],
  ['fuzz', ['--fast'], "Unknown option '--fast'"],
  ['fuzz', ['--files', '0', '--only', 'shards'], 'no file was tried of shards'],
  ['faults', ['--points', 'abc'], '--points takes a whole number, 0 or more, not "abc"'],
  ['soak', ['--seed', 'abc'], '--seed takes a whole number, 0 or more, not "abc"'],
  ['oracle', ['--count', '1.5'], '--count takes a whole number, 0 or more, not "1.5"'],
])('npm run %s -- %j', (command, given, said) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`test/${command}/run.mjs`, ...given], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(stdout + stderr).toContain(said);
  expect(status).toBe(1);
});
