// The suite on the checked build: every test that computes in the thread it runs in, on the exact build.

import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import suite from '../../vitest.config.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default mergeConfig(
  suite,
  defineConfig({ test: { setupFiles: [at('setup.ts')], testTimeout: 600_000 } }),
);
