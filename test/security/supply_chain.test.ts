// What is installed, and from where: lock files with a checksum for every package, exact versions of what is shipped with.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, root), 'utf8'));

/** A package as a lock file has it. */
interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Versions;
  readonly optionalDependencies?: Versions;
}

type Versions = Readonly<Record<string, string>>;
type Kind = (typeof KINDS)[number];

const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;
const EXACT = /^(npm:@rollup\/wasm-node@)?\d+\.\d+\.\d+$/;

const LOCKS = [
  'package-lock.json',
  'test/runtimes/binaries/package-lock.json',
  'bench/peers/package-lock.json',
  'weights/train/package-lock.json',
];

describe.each(LOCKS)('%s', (path) => {
  const { packages, lockfileVersion } = json(path) as {
    packages: Record<string, Locked>;
    lockfileVersion: number;
  };
  const installed = Object.entries(packages).filter(([name]) => name !== '');

  test('has a SHA-512 for every package, all of the registry', () => {
    expect(lockfileVersion).toBe(3);
    expect(installed.length).toBeGreaterThan(2);
    for (const [name, { version, resolved, integrity, link }] of installed) {
      expect(link, name).toBeUndefined();
      expect(version, name).toMatch(/^\d+\.\d+\.\d+/);
      expect(integrity, name).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      expect(resolved, name).toBeUndefined(); // from the registry, by name and version: no file, no repository, no other host
    }
  });

  test('asks for what its package.json does', () => {
    const wanted = json(path.replace('-lock', '')) as Partial<Record<Kind, Versions>>;
    for (const kind of KINDS)
      expect((packages[''] as typeof wanted)[kind] ?? {}, kind).toEqual(wanted[kind] ?? {});
  });
});

const MANIFESTS = [
  ...LOCKS.map((path) => path.replace('-lock', '')),
  'test/package.json',
  'examples/cloudflare/package.json',
  'examples/cloudflare-pipeline/package.json',
];

test.each(MANIFESTS)('%s has exact versions, and no script that runs when it is installed', (path) => {
  const manifest = json(path) as Partial<Record<Kind, Versions>> & { scripts?: Versions };
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const)
    for (const [name, version] of Object.entries(manifest[kind] ?? {}))
      if (version !== 'file:../..' || name !== 'align-wasm') expect(version, name).toMatch(EXACT);
  const scripts = Object.keys(manifest.scripts ?? {});
  expect(
    scripts.filter((name) => /^(pre|post)?(install|prepare|dependencies)$|^prepublish/.test(name)),
  ).toEqual([]);
});

test('what comes with the package and with its decoders runs no script, and of exact versions where they say so', () => {
  const { packages } = json('package-lock.json') as { packages: Record<string, Locked> };
  const { dependencies } = json('package.json') as { dependencies: Versions };
  const open = [...Object.keys(dependencies), '@jsquash/webp'];
  const seen = new Set<string>();
  const ranges: string[] = [];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const locked = packages[`node_modules/${name}`]!;
    expect(locked.hasInstallScript, name).toBeUndefined();
    for (const [needed, version] of Object.entries({
      ...locked.dependencies,
      ...locked.optionalDependencies,
    })) {
      if (!EXACT.test(version)) ranges.push(needed);
      open.push(needed);
    }
  }
  // Those that others ask for: one more is to be looked at first.
  expect(['wasm-feature-detect']).toEqual(expect.arrayContaining(ranges));
});

test('the package depends on exact versions, of what decodes pictures for it too', () => {
  const { dependencies, devDependencies, peerDependencies } = json('package.json') as Record<
    string,
    Versions
  >;
  const webp = { '@jsquash/webp': peerDependencies!['@jsquash/webp']! };
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...webp }))
    expect(version, name).toMatch(EXACT);
});
