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
  readonly inBundle?: boolean;
}

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
    for (const [name, { version, resolved, integrity, link, inBundle }] of installed) {
      expect(link, name).toBeUndefined();
      if (inBundle) continue; // it is in the package around it, whose checksum covers it
      expect(version, name).toMatch(/^\d+\.\d+\.\d+/);
      expect(integrity, name).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      expect(resolved, name).toBeUndefined(); // from the registry, by name and version: no file, no repository, no other host
    }
  });
});

test('the package depends on exact versions, of what decodes pictures for it too', () => {
  type Versions = Record<string, string>;
  const { dependencies, devDependencies, peerDependencies } = json('package.json') as Record<
    string,
    Versions
  >;
  const webp = { '@jsquash/webp': peerDependencies!['@jsquash/webp']! };
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...webp }))
    expect(version, name).toMatch(/^(npm:@rollup\/wasm-node@)?\d+\.\d+\.\d+$/);
});
