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
    // One GPU wherever tests run, the software driver of Debian's Chromium: 'auto' takes WASM, whose bits are tested.
    env: {
      VK_ICD_FILENAMES: process.env['VK_ICD_FILENAMES'] ?? '/usr/lib/chromium/vk_swiftshader_icd.json',
      XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? '/tmp',
    },
    pool: 'forks',
  },
});
