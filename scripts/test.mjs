// npm test: set-up, types, lint, format, then every test; the last line is the sum over all of them.
// --long runs the long tests (test/**/*.long.ts) instead of the checks and the usual ones.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
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

/** Runs vitest and counts: a skipped test, or a file that did not load, is a failure. */
function run_tests(env) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(join(root, REPORT), { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];
  const status = run('node', ['node_modules/vitest/vitest.mjs', 'run', ...reporters], env);
  let files;
  try {
    files = JSON.parse(readFileSync(join(root, REPORT), 'utf8')).testResults;
  } catch {
    say('vitest left no report');
    return { passed: 0, failed: 1 };
  }
  let passed = 0;
  let failed = 0;
  for (const { name, status: outcome, assertionResults } of files) {
    const good = assertionResults.filter((test) => test.status === 'passed').length;
    const bad = assertionResults.length - good;
    for (const test of assertionResults) {
      if (test.status !== 'passed' && test.status !== 'failed')
        say(`counts as failed, it did not run: ${test.fullName}`);
    }
    passed += good;
    failed += bad === 0 && outcome === 'failed' ? 1 : bad;
    if (bad === 0 && outcome === 'failed')
      say(`counts as failed, the file did not run: ${relative(root, name)}`);
  }
  // An error outside every test (an unhandled rejection, a crashed worker) shows in the exit status alone.
  if (status !== 0 && failed === 0 && files.length > 0) failed = 1;
  return { passed, failed };
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
  else failed += 1;
}
const tests = run_tests(long ? { LONG: '1' } : {});
const none = tests.passed + tests.failed === 0;
if (none) say(`no ${long ? 'long ' : ''}test ran, which counts as one failure`);
passed += tests.passed;
failed += none ? 1 : tests.failed;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
