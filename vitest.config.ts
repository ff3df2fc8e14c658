import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// npm run test:long sets LONG: the slow tests live in files of their own.
const long = Boolean(process.env['LONG']);

export default defineConfig({
  resolve: {
    // Tests run the TypeScript sources; only align.wasm comes from dist.
    alias: {
      '#platform': fileURLToPath(new URL('src/host/platform/node.ts', import.meta.url)),
    },
  },
  test: {
    include: [long ? 'test/**/*.long.ts' : 'test/**/*.test.ts'],
    testTimeout: long ? 600_000 : 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
  },
});
