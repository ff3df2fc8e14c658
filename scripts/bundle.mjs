// dist/bundle: the package for pages and workers without a bundler or an import map (workers have none): index.js, and
// webgpu.js, which a page that wants a GPU hands over; what both need is in a third file. The wasm modules and the embedded
// model are found beside it in dist, as from dist/platform. dist/deno is the same for Deno, which reads no import map of a
// folder that it imports from: index.js and the scripts of its workers.

import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist/bundle');
const deno = join(root, 'dist/deno');
const jpeg = 'mozjpeg_dec.wasm';

rmSync(out, { recursive: true, force: true }); // shared files have other names after every change

// Threads first: each one file that imports nothing, as tools that copy a worker's script do not look into it.
const threads = ['browser_thread.js', 'node_thread.js'];
await build({
  absWorkingDir: root,
  entryPoints: threads.map((name) => `dist/platform/${name}`),
  outdir: 'dist/platform',
  allowOverwrite: true,
  bundle: true,
  format: 'esm',
  external: ['node:*'],
  target: 'es2022',
  minify: true,
  logLevel: 'warning',
});
for (const name of threads) rmSync(join(root, `dist/platform/${name}.map`), { force: true }); // of what tsc wrote

/** The JPEG decoder's script assigns to `import.meta.url` where there is none. webpack puts a string there: no JavaScript. */
const no_assignment = {
  name: 'no-assignment',
  setup: ({ onLoad }) =>
    onLoad({ filter: /mozjpeg_dec\.js$/ }, ({ path }) => {
      const script = readFileSync(path, 'utf8');
      const assignment = 'if(import.meta.url===undefined){import.meta.url="https://localhost"}';
      if (!script.includes(assignment)) throw new Error(`${path} is not what it was: look at it again`);
      return { contents: script.replace(assignment, '') };
    }),
};
await build({
  absWorkingDir: root,
  entryPoints: {
    index: 'dist/index.js',
    webgpu: 'dist/webgpu/index.js',
  },
  chunkNames: 'shared-[hash]',
  splitting: true,
  alias: { '#platform': './dist/platform/bundle.js' },
  plugins: [no_assignment],
  outdir: out,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  conditions: ['browser'],
  target: 'es2022',
  minify: true,
  logLevel: 'warning',
});
// The worker of a model is one file, too, with what runs on a GPU: it is fetched only where somebody asks for a worker.
await build({
  ...{ absWorkingDir: root, entryPoints: ['dist/platform/browser_worker.js'], outdir: out },
  ...{ alias: { '#platform': './dist/platform/browser_in_worker.js' }, conditions: ['browser'] },
  plugins: [no_assignment],
  ...{
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    logLevel: 'warning',
  },
});
copyFileSync(join(root, 'dist/platform/browser_thread.js'), join(out, 'browser_thread.js'));
copyFileSync(join(root, 'node_modules/@jsquash/jpeg/codec/dec', jpeg), join(out, jpeg));

await build({
  absWorkingDir: root,
  entryPoints: { index: 'dist/index.js', node_worker: 'dist/platform/node_worker.js' },
  outdir: deno,
  alias: { '#platform': './dist/platform/deno_bundle.js' },
  external: ['node:*', '@jsquash/webp'],
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  minify: true,
  logLevel: 'warning',
});
copyFileSync(join(root, 'dist/platform/node_thread.js'), join(deno, 'node_thread.js'));
copyFileSync(join(out, jpeg), join(deno, jpeg));

// dist/core: align-wasm/core, one file that imports nothing. These modules it leaves out; core_extras.js stands in for them.
const extras = [
  'checkpoint/body',
  'checkpoint/fetching',
  'checkpoint/json_error',
  'checkpoint/locations',
  'checkpoint/remote/verify',
  'gpu_runtime',
  'joint_plan',
  'offload/client',
  'processor/decode',
  'search/model_index',
  'wasm/threads',
].map((name) => join(root, `dist/${name}.js`));
const without_extras = {
  name: 'without-extras',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) =>
      extras.includes(join(resolveDir, path))
        ? { path: join(root, 'dist/core_extras.js'), sideEffects: false }
        : undefined,
    ),
};
await build({
  ...{ absWorkingDir: root, entryPoints: ['dist/core.js'], outfile: 'dist/core/index.js' },
  ...{ alias: { '#platform': './dist/platform/core.js' }, plugins: [without_extras] },
  ...{ bundle: true, format: 'esm', platform: 'neutral', target: 'es2022', logLevel: 'warning' },
});

// What TypeScript takes the wasm files for, and the web's names where a program has no types of them; it copies no
// declarations itself. Every entry asks for the latter.
copyFileSync(join(root, 'src/host/wasm/file.d.ts'), join(root, 'dist/wasm/file.d.ts'));
copyFileSync(join(root, 'src/host/web.d.ts'), join(root, 'dist/web.d.ts'));
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
for (const types of new Set(Object.values(exports).flatMap(({ types }) => types ?? []))) {
  const path = join(root, types);
  const web = relative(dirname(path), join(root, 'dist/web.d.ts'));
  writeFileSync(path, `/// <reference path="${web}" />\n${readFileSync(path, 'utf8')}`);
}
