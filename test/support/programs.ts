// Where the runtimes are that npm installs for the tests.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../runtimes/binaries/node_modules', import.meta.url));

/** A runtime: a variable that may give its path, its packages of which npm installs one, its path in there. */
type Program = readonly [variable: string, packages: RegExp, path: string];

export const NEWEST_NODE: Program = ['NEWEST_NODE', /^node-/, 'bin/node'];
export const DENO: Program = ['DENO', /^@deno.[^/\\]+$/, 'deno'];
export const BUN: Program = ['BUN', /^@oven.bun-[^/\\]+$/, 'bin/bun'];

/** The path of a runtime's program. @throws Error where it is not installed: that is a failure, not a skipped test */
export function program([variable, packages, path]: Program): string {
  const given = process.env[variable];
  if (given !== undefined) return given;
  const found = readdirSync(modules, { recursive: true, encoding: 'utf8' }).find((name) =>
    packages.test(name),
  );
  if (found === undefined)
    throw new Error(`${modules} has no ${String(packages)}: npm ci there, or set ${variable} to its path`);
  return `${modules}/${found}/${path}`;
}
