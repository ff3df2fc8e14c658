// The package as npm publishes it: .cache/package has the tarball, test/node_modules what it unpacks to (scripts/setup.mjs).

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type BuildResult } from 'esbuild';

export const root: string = fileURLToPath(new URL('../../', import.meta.url));
export const installed: string = `${root}test/node_modules/align-wasm/`;

/** The path of the tarball. */
export function tarball(): string {
  const folder = `${root}.cache/package/`;
  const [name, ...others] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  if (name === undefined || others.length > 0) throw new Error(`${folder} must hold one tarball`);
  return folder + name;
}

/** A target of `exports` or `imports`: by condition, or the same for all. */
export type Target = string | Readonly<Record<string, string>>;

/** package.json of what is installed. */
export const manifest = JSON.parse(readFileSync(`${installed}package.json`, 'utf8')) as {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, Target>>;
  readonly imports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
};

/** `code` as a bundler for `conditions` makes one script of it. Files that it imports as data stay imports. */
export async function bundled(
  code: string,
  conditions: readonly string[],
  options: { minify?: boolean; external?: readonly string[]; format?: 'esm' | 'iife' } = {},
): Promise<BuildResult<{ metafile: true; write: false }> & { readonly text: string }> {
  const { minify = true, external = [], format = 'esm' } = options;
  const result = await build({
    ...{ stdin: { contents: code, resolveDir: `${root}test`, loader: 'js' }, conditions: [...conditions] },
    ...{ bundle: true, write: false, metafile: true, platform: 'neutral', mainFields: ['module', 'main'] },
    ...{ minify, format, outdir: `${root}.cache/bundled`, logLevel: 'silent', target: 'es2022' },
    // A plain script has no place of its own.
    define: format === 'iife' ? { 'import.meta.url': '"https://example.org/app.js"' } : {},
    external: ['*.wasm', '*?module', '*.bin', ...external],
  });
  return { ...result, text: result.outputFiles[0]!.text };
}
