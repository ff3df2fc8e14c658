// dist/bundle: the package for pages and workers without a bundler or an import map (workers have none): index.js, and
// webgpu.js, which a page that wants a GPU hands over; what both need is in a third file. The wasm modules and the embedded
// model are found beside it in dist, as from dist/platform.

import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist/bundle');
const jpeg = 'mozjpeg_dec.wasm';

rmSync(out, { recursive: true, force: true }); // shared files have other names after every change
await build({
  absWorkingDir: root,
  entryPoints: {
    index: 'dist/index.js',
    webgpu: 'dist/webgpu/index.js',
    browser_thread: 'dist/platform/browser_thread.js',
  },
  chunkNames: 'shared-[hash]',
  splitting: true,
  alias: { '#platform': './dist/platform/bundle.js' },
  outdir: out,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  conditions: ['browser'],
  target: 'es2022',
  minify: true,
  logLevel: 'warning',
});
copyFileSync(join(root, 'node_modules/@jsquash/jpeg/codec/dec', jpeg), join(out, jpeg));
