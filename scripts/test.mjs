// npm test: set-up, types, lint, format, then every test; the last line is the sum over all of them.
// --long runs the long tests (test/**/*.long.ts) instead of the checks and the usual ones.
// Two files of tests run at once, but for those that measure memory or waiting: they have the machine to themselves.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import {
  build,
  install,
  install_package,
  install_postgres,
  install_runtimes,
  install_wasmtime,
  require_node,
  root,
  run,
  say,
} from './setup.mjs';

const REPORT = '.cache/vitest.json';
const MEASURED = ['test/runtimes/workerd_memory.test.ts', 'test/runtimes/polite.test.ts'];
const MEASURED_LONG = ['test/fuzz/fuzz.long.ts', 'test/soak/soak.long.ts'];

/** What failed, each with its reason: printed once more before the count. */
const failures = [];

/** Runs vitest on some files and counts: a skipped test, or a file that did not load, is a failure. */
function run_tests(which, env) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(join(root, REPORT), { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];
  const status = run('node', ['node_modules/vitest/vitest.mjs', 'run', ...which, ...reporters], env);
  let files;
  try {
    files = JSON.parse(readFileSync(join(root, REPORT), 'utf8')).testResults;
  } catch {
    failures.push('vitest left no report');
    return { passed: 0, failed: 1 };
  }
  let passed = 0;
  let failed = 0;
  for (const { name, status: outcome, assertionResults } of files) {
    const good = assertionResults.filter((test) => test.status === 'passed').length;
    const bad = assertionResults.length - good;
    const file = relative(root, name);
    for (const test of assertionResults) {
      if (test.status === 'failed') failures.push(`${file}: ${test.fullName}: ${told(test.failureMessages)}`);
      else if (test.status !== 'passed') failures.push(`${file}: ${test.fullName}: it did not run`);
    }
    passed += good;
    failed += bad === 0 && outcome === 'failed' ? 1 : bad;
    if (bad === 0 && outcome === 'failed') failures.push(`${file}: the file did not run`);
  }
  // An error outside every test (an unhandled rejection, a crashed worker) shows in the exit status alone.
  if (status !== 0 && failed === 0 && files.length > 0) {
    failed = 1;
    failures.push(`vitest: exit ${status}, with an error outside every test`);
  }
  return { passed, failed };
}

/** A failed test's messages on one line. */
function told(messages = []) {
  return stripVTControlCharacters(messages.join('\n'))
    .replace(/\s*\n\s*/g, ' | ')
    .slice(0, 1000);
}

require_node();
const long = process.argv.includes('--long');
install();
if (!long) {
  install_runtimes();
  install_postgres();
  install_wasmtime();
}
build();
if (!long) install_package();

let passed = 0;
let failed = 0;
for (const check of long ? [] : ['types', 'lint', 'format']) {
  say(`check: ${check}`);
  if (run('npm', ['run', '--silent', `check:${check}`]) === 0) passed += 1;
  else {
    failed += 1;
    failures.push(`check:${check}`);
  }
}
const apart = long ? MEASURED_LONG : MEASURED;
for (const which of [['--maxWorkers=2', ...apart.map((file) => `--exclude=${file}`)], apart]) {
  const tests = run_tests(which, long ? { LONG: '1' } : {});
  const none = tests.passed + tests.failed === 0;
  if (none) failures.push('no test ran');
  passed += tests.passed;
  failed += none ? 1 : tests.failed;
}
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
