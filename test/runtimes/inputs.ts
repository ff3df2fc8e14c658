// The files that every runtime gets, in one blob (check.mjs unpacks it), and PNGs of every kind made for it.

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { all_kinds } from '../support/png.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Golden models whose forward passes are compared: odd sizes and a NaN, and every activation. */
function golden_folders(): string[] {
  const all = readdirSync(`${root}test/golden`);
  return ['tiny', 'odd', 'gray', ...all.filter((name) => name.startsWith('act-'))].map(
    (name) => `test/golden/${name}`,
  );
}

/** A JSON line with names and sizes, then the bytes. */
export function files_blob(): Buffer {
  const names = ['weights/align-icons', ...golden_folders(), 'examples/pictures'].flatMap((folder) =>
    readdirSync(root + folder).map((name) => `${folder}/${name}`),
  );
  const files: [string, Uint8Array][] = ['dist/align.wasm', ...names].map((name) => [
    name,
    readFileSync(root + name),
  ]);
  for (const [kind, png] of all_kinds()) files.push([`test/kinds/${kind}.png`, png]);
  const header = JSON.stringify(files.map(([name, bytes]) => [name, bytes.length]));
  return Buffer.concat([Buffer.from(`${header}\n`), ...files.map(([, bytes]) => bytes)]);
}
