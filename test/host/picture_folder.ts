// Folders of small pictures, the same in every run, and the command line as a process.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { random_bytes } from '../support/png.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Paths of `count` pictures, some in folders within folders, with names that need care. */
export function picture_names(count: number): string[] {
  const folders = ['', 'a/', 'a/b c/', 'ü & <i>/'];
  return Array.from({ length: count }, (_, i) => `${folders[i % folders.length]!}picture ${i}.png`);
}

/** A PNG of blocks in random colours. */
export function blocks(seed: number, width = 24, height = 24): Buffer {
  const next = random_bytes(seed);
  const colours = Array.from({ length: 16 }, () => [next(), next(), next()]);
  const png = new PNG({ width, height });
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const block = Math.floor((y * 4) / height) * 4 + Math.floor((x * 4) / width);
      png.data.set([...colours[block]!, 255], (y * width + x) * 4);
    }
  return PNG.sync.write(png);
}

/** Writes the pictures of `names` below `folder`. */
export async function write_pictures(folder: string, names: readonly string[]): Promise<void> {
  for (const [i, name] of names.entries()) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), blocks(i + 1));
  }
}

/** A running `align-wasm`. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ status: number | null; out: string; err: string }>;
}

/** Starts the built program. */
export function start(args: readonly string[]): Started {
  const child = spawn(process.execPath, [MAIN, ...args]);
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const ended = new Promise<{ status: number | null; out: string; err: string }>((resolve) =>
    child.on('close', (status) => resolve({ status, out, err })),
  );
  return { child, ended };
}
