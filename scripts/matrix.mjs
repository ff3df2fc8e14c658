// npm run matrix: prints the digests of the same embeddings in every runtime (test/runtimes/matrix.test.ts); the exit status
// is 1 where one is another, or a runtime is missing.

import {
  build,
  install,
  install_package,
  install_runtimes,
  install_wasmtime,
  require_node,
  run,
} from './setup.mjs';

require_node();
install();
install_runtimes();
install_wasmtime();
build({ only_if_stale: true });
install_package();
const args = ['run', 'test/runtimes/matrix.test.ts', '--reporter=dot', '--disable-console-intercept'];
process.exitCode = run('node', ['node_modules/vitest/vitest.mjs', ...args]);
