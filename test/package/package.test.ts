// The tarball: what linters of packages say, where its entries lead, what it brings along.

import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { bundled, installed, manifest, root, tarball, type Target } from './package.ts';

const run = promisify(execFile);
const CONDITIONS = ['types', 'workerd', 'edge-light', 'deno', 'bun', 'node', 'worker', 'browser', 'default'];
const at = (target: Target): readonly string[] =>
  typeof target === 'string' ? [target] : Object.values(target);

describe('The tarball', () => {
  test('publint has nothing to say', async () => {
    const { stdout } = await run('node', [
      `${root}node_modules/publint/src/cli.js`,
      'run',
      tarball(),
      '--strict',
    ]);
    expect(stdout).toContain('All good!');
  });

  test('attw has nothing to say', async () => {
    // ESM alone, by design: nothing is left out for TypeScript's old resolution and for require of old Nodes.
    const cli = `${root}node_modules/@arethetypeswrong/cli/dist/index.js`;
    const { stdout } = await run('node', [cli, tarball(), '--profile', 'esm-only', '--format', 'json']);
    const { analysis, problems } = JSON.parse(stdout) as {
      analysis: { entrypoints: object };
      problems?: Record<string, unknown>;
    };
    expect(Object.keys(analysis.entrypoints)).toEqual(Object.keys(manifest.exports));
    const kinds = Object.keys(problems ?? {});
    expect(kinds.filter((kind) => !['CJSResolvesToESM', 'NoResolution'].includes(kind))).toEqual([]);
  });

  test('has what its entries name, and neither sources nor anything for builds alone', () => {
    const targets = [...Object.values(manifest.exports), ...Object.values(manifest.imports)].flatMap(at);
    expect(targets.filter((path) => !existsSync(installed + path))).toEqual([]);
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter(
      (name) => !name.startsWith('node_modules'),
    );
    expect(files).toContain('dist/core/index.js');
    expect(
      files.filter((name) => /\.wat$|\.tsbuildinfo$|core_extras|^(src|assembly|test)\b/.test(name)),
    ).toEqual([]);
  });
});

describe('Entries', () => {
  test('name every runtime that there is a platform for, types first', () => {
    expect(Object.keys(manifest.exports['.']!)).toEqual(CONDITIONS);
    expect(Object.keys(manifest.imports['#platform']!)).toEqual(CONDITIONS);
  });

  test.each([
    ['workerd', 'dist/platform/workerd.js'],
    ['edge-light', 'dist/platform/edge_light.js'],
    ['deno', 'dist/platform/deno.js'],
    ['bun', 'dist/platform/bun.js'],
    ['node', 'dist/platform/node.js'],
    ['worker', 'dist/platform/browser.js'],
    ['browser', 'dist/platform/browser.js'],
    ['default', 'dist/platform/browser.js'],
  ])('%s gets its own platform', async (condition, platform) => {
    const external = ['node:*', '@jsquash/*'];
    const { metafile } = await bundled("export * from 'align-wasm'", [condition], { external });
    const platforms = Object.values(manifest.imports['#platform']!).filter((path) => path.endsWith('.js'));
    const taken = [...new Set(platforms)].filter((path) =>
      Object.keys(metafile.inputs).some((input) => input.endsWith(`align-wasm/${path.slice(2)}`)),
    );
    expect(taken).toEqual([`./${platform}`]);
  });

  test('that are files are found by their names, package.json too', () => {
    for (const [path, target] of Object.entries(manifest.exports)) {
      if (!/\.(wasm|json)$/.test(path)) continue;
      const file = at(target).at(-1)!;
      expect(readFileSync(installed + file).length, path).toBeGreaterThan(500);
    }
  });
});

describe('What it brings along', () => {
  interface Locked {
    readonly hasInstallScript?: boolean;
    readonly gypfile?: boolean;
    readonly os?: unknown;
    readonly cpu?: unknown;
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  }
  const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as {
    packages: Readonly<Record<string, Locked>>;
  };

  /** The run-time dependencies and what they pull in, by their place in the lock file. */
  function closure(names: readonly string[], from = ''): string[] {
    return names.flatMap((name) => {
      const nested = `${from}/node_modules/${name}`.replace(/^\//, '');
      const place = nested in lock.packages ? nested : `node_modules/${name}`;
      const { dependencies = {}, optionalDependencies = {} } = lock.packages[place]!;
      return [place, ...closure(Object.keys({ ...dependencies, ...optionalDependencies }), place)];
    });
  }

  test('no dependency has native code or an install script', () => {
    const places = [...new Set(closure(Object.keys(manifest.dependencies)))];
    expect(places).toContain('node_modules/@jsquash/jpeg');
    expect(places.length).toBeLessThan(4);
    for (const place of places) {
      const { hasInstallScript, gypfile, os, cpu } = lock.packages[place]!;
      expect([hasInstallScript, gypfile, os, cpu], place).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
      const files = readdirSync(root + place, { recursive: true, encoding: 'utf8' });
      expect(
        files.filter((name) => /\.(node|dylib|dll|so|gyp)$/.test(name)),
        place,
      ).toEqual([]);
    }
  });

  test('nor does the package itself run anything when it is installed', () => {
    const { scripts = {} } = JSON.parse(readFileSync(`${installed}package.json`, 'utf8')) as {
      scripts?: Record<string, string>;
    };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });
});
