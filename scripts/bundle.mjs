// dist/bundle: the package as one module for pages and workers without a bundler or an import map (workers have none).
// The wasm modules and the embedded model are found beside it in dist, as from dist/platform.

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist/bundle');
const jpeg = 'mozjpeg_dec.wasm';

await build({
  absWorkingDir: root,
  entryPoints: ['dist/index.js', 'dist/platform/browser_thread.js'],
  entryNames: '[name]',
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
