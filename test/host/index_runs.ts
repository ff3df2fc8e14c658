// What the tests of `align-wasm index` share: twelve pictures, their index, runs that are compared byte for byte.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { cli, type Ended } from './cli.ts';
import { picture_names, write_pictures } from './picture_folder.ts';

export const NAMES: readonly string[] = picture_names(12);

/** Paths that are there from the first test of a file to its last. */
export interface Places {
  folder: string;
  /** A folder of the pictures NAMES. */
  pictures: string;
  /** Their index. */
  whole: string;
}

/** Makes the places of a test file before its tests; they are filled in by then. */
export function places(): Places {
  const made: Places = { folder: '', pictures: '', whole: '' };
  beforeAll(async () => {
    made.folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
    made.pictures = join(made.folder, 'pictures');
    made.whole = join(made.folder, 'whole.safetensors');
    await write_pictures(made.pictures, NAMES);
    expect(await index(made.pictures, '-o', made.whole)).toMatchObject({ status: 0, err: '' });
  });
  afterAll(() => rm(made.folder, { recursive: true }));
  return made;
}

/** Runs `align-wasm index` with --json. */
export const index = (...args: string[]): Promise<Ended> => cli(['index', ...args, '--json']);

/** Equal, without a difference of a hundred thousand lines. */
export const equal = async (a: string, b: string): Promise<boolean> =>
  (await readFile(a)).equals(await readFile(b));

/** A path in a fresh folder. */
export const fresh = async ({ folder }: Places, name: string): Promise<string> =>
  join(await mkdtemp(join(folder, 'run-')), name);

/** What --json says in the end. */
export const count = (pictures: number, embedded: number, kept: number, removed = 0, failed = 0): object => ({
  pictures,
  embedded,
  kept,
  removed,
  failed,
});
