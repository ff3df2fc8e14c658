// A folder that one process at a time may have, in Node, Deno and Bun.

import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { AlignError } from '../errors.ts';
import { make_folders } from './node_files.ts';

const code_of = (error: unknown): unknown => (error as { code?: unknown }).code;
const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/**
 * A process's number, and where the system tells (Linux) the tick it started at, for numbers are used again.
 * @returns null where there is no such process
 */
async function identity(pid: number): Promise<string | null> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (code_of(error) !== 'EPERM') return null;
  }
  // proc(5): the 22nd field, the 20th after the name in brackets.
  const stat = await read(`/proc/${pid}/stat`);
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}

async function lives(owner: string): Promise<boolean> {
  return owner !== '' && (await identity(Number(owner.split(' ')[0]))) === owner;
}

/** Links `from` to `to`; false where `to` is there already. */
async function link_new(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (code_of(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Makes FOLDER.lock, which says who has the folder. A process that was killed has nothing any more. */
async function lock_folder(folder: string): Promise<() => Promise<void>> {
  const lock = `${folder}.lock`;
  const [mine, old] = [`${lock}.${process.pid}`, `${lock}.${process.pid}.old`];
  await writeFile(mine, (await identity(process.pid))!);
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      // A link appears with its contents, where a new file would be empty for a moment.
      if (await link_new(mine, lock)) return () => rm(lock, { force: true });
      if (await lives(await read(lock))) break;
      // Moved before it is removed: somebody else may have done the same and locked the folder meanwhile.
      await rename(lock, old).catch(() => undefined);
      if (await lives(await read(old))) await link_new(old, lock);
      await rm(old, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
  throw new AlignError('invalid_argument', `${folder} is in use`, {
    hint: `one process at a time can have it; ${lock} names it`,
  });
}

/** The one name of a folder. */
export const absolute = (folder: string): string => resolve(folder);

/**
 * Makes a folder this process's until the function that comes back is called. Where it is missing or empty, `fill` makes
 * its contents elsewhere first, so that a folder is whole or not there.
 * @param mark a file that says the folder was filled
 * @param fill null where nothing is to be made
 * @throws AlignError `invalid_argument` (in use, or something else is in it), `not_found` (nothing is, and no `fill`).
 */
export async function claim_folder(
  folder: string,
  mark: string,
  fill: ((folder: string) => Promise<void>) | null,
): Promise<() => Promise<void>> {
  const path = absolute(folder);
  let release: (() => Promise<void>) | undefined;
  try {
    if (fill !== null) await make_folders(dirname(path));
    else if (!(await entries(path)).includes(mark))
      throw new AlignError('not_found', `There is no database in ${folder}`);
    release = await lock_folder(path);
    const names = await entries(path);
    if (names.includes(mark) || fill === null) return release;
    if (names.length > 0)
      throw new AlignError('invalid_argument', `${folder} holds something else`, {
        hint: 'give a new folder',
      });
    const partial = `${path}.partial`;
    await rm(partial, { recursive: true, force: true });
    await fill(partial);
    await rename(partial, path);
    return release;
  } catch (cause) {
    await release?.();
    if (cause instanceof AlignError) throw cause;
    throw new AlignError('invalid_argument', `${folder} cannot be used: ${String(cause)}`, { cause });
  }
}

/** The names in a folder, none where it is not there. */
async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown): string[] => {
    if (code_of(error) === 'ENOENT') return [];
    throw error;
  });
}
