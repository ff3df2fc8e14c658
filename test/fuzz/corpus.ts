// Inputs that were findings once, kept as small files: corpus/<target>/<name>.json, { "note": what happened, "files":
// { name: text, or { "base64": … } where it is not UTF-8 } }.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Case } from './harness.ts';

const CORPUS = fileURLToPath(new URL('corpus', import.meta.url));

interface Stored {
  note: string;
  files: Record<string, string | { base64: string }>;
}

function as_text(bytes: Uint8Array): string | { base64: string } {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

/** The kept inputs of a target by file name. */
export function corpus(target: string): Map<string, Case> {
  const folder = `${CORPUS}/${target}`;
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return new Map(
    names.map((name) => {
      const { files } = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Stored;
      const input = Object.entries(files).map(([file, content]): [string, Uint8Array] => [
        file,
        new Uint8Array(
          typeof content === 'string' ? Buffer.from(content) : Buffer.from(content.base64, 'base64'),
        ),
      ]);
      return [name, Object.fromEntries(input)];
    }),
  );
}

/** Keeps an input; gives the path of its file. */
export function keep(target: string, note: string, input: Case): string {
  const files = Object.fromEntries(Object.entries(input).map(([name, bytes]) => [name, as_text(bytes)]));
  const stored: Stored = { note, files };
  const hash = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 12);
  const path = `${CORPUS}/${target}/${hash}.json`;
  mkdirSync(`${CORPUS}/${target}`, { recursive: true });
  writeFileSync(path, `${JSON.stringify(stored, null, 1)}\n`);
  return path;
}
