// Two clean builds give the same bytes: what is published can be made again from its sources.

import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = ['assembly', 'src', 'scripts', 'weights/align-icons', 'examples/pictures'];
const FILES = ['package.json', 'asconfig.json', 'tsconfig.json'];

/** Builds a copy of the sources in a new folder; the digest of every file of dist. */
function built(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'align-build-'));
  try {
    for (const path of [...SOURCES, ...FILES]) cpSync(root + path, join(folder, path), { recursive: true });
    symlinkSync(`${root}node_modules`, join(folder, 'node_modules'));
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: folder, stdio: 'pipe' });
    const dist = join(folder, 'dist');
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).sort();
    return Object.fromEntries(
      files
        .filter((name) => statSync(join(dist, name)).isFile())
        .map((name) => [
          name,
          createHash('sha256')
            .update(readFileSync(join(dist, name)))
            .digest('hex'),
        ]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('two clean builds give the same bytes', () => {
  const [first, second] = [built(), built()];
  expect(Object.keys(first).filter((name) => name.endsWith('.wasm'))).toHaveLength(7);
  expect(second).toEqual(first);
});
