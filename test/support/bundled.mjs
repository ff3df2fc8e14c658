// TypeScript modules of the tests as one file that Node runs: Node 20 takes no types, and vitest is not for long work.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Each module finds what lies beside it where it is, not beside the bundle. */
const own_urls = {
  name: 'own-urls',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\/(src|test)\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path))),
      loader: 'ts',
    })),
};

/** Bundles a module (a path from the repository's root) on Node's platform; gives the URL of the result. */
export async function bundle_of(module) {
  const outfile = join(root, '.cache/bundled', module.replaceAll('/', '-').replace(/\.ts$/, '.mjs'));
  await build({
    absWorkingDir: root,
    entryPoints: [module],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: { '#platform': join(root, 'src/host/platform/node.ts') },
    plugins: [own_urls],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return pathToFileURL(outfile);
}
