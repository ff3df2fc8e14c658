// The tests of a mutant: one process, files in the order given, ended by the first failure. No test fails by the clock, as
// the machine may be busy: the watchdog (setup.ts) ends what hangs.

import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import suite from '../../vitest.config.ts';

class AsGiven extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files);
  }
}

const HOUR = 3_600_000;

export default mergeConfig(
  suite,
  defineConfig({
    test: {
      include: ['test/mutation/suite/*.ts'],
      setupFiles: [fileURLToPath(new URL('setup.ts', import.meta.url))],
      ...{ testTimeout: HOUR, hookTimeout: HOUR, teardownTimeout: 1000 },
      ...{ bail: 1, isolate: false, fileParallelism: false, maxWorkers: 1 },
      sequence: { sequencer: AsGiven },
    },
  }),
);
