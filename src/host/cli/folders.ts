// The pictures in folders and the folders below them, in an order and under names that depend on nothing but the tree.

import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { AlignError, throw_if_aborted } from '../errors.ts';
import { PICTURE } from './inputs.ts';
import { UsageError } from './io.ts';

/** A picture's file. */
export interface PictureFile {
  /** Its path below the folder it was found in, '/' between; with several folders, the folder's name before it. */
  readonly id: string;
  /** Where it is: the folder as the user named it, then the path, '/' between. */
  readonly path: string;
}

/** What was found. */
export interface Found {
  /** In the order of their ids. */
  readonly pictures: readonly PictureFile[];
  /** Folders that could not be read. */
  readonly failed: readonly { readonly name: string; readonly error: unknown }[];
  /** Linked folders, which are not followed: a link may lead in circles. */
  readonly links: readonly string[];
  /** Pictures of kinds that are not read. */
  readonly others: number;
}

const OTHER_PICTURE = /\.(gif|bmp|tiff?|heic|heif|avif|jxl|svg|cr2|nef|arw|dng)$/i;

/**
 * Walks `folders`. Names that begin with a dot are left out, as are files that no picture's name ends in.
 * @throws UsageError for what is no folder, and for two folders of one name
 */
export async function find_pictures(folders: readonly string[], signal: AbortSignal): Promise<Found> {
  const pictures: PictureFile[] = [];
  const failed: { name: string; error: unknown }[] = [];
  const links: string[] = [];
  let others = 0;
  const walk = async (folder: string, id: string): Promise<void> => {
    throw_if_aborted(signal);
    let entries;
    try {
      entries = await readdir(folder, { withFileTypes: true });
    } catch (cause) {
      const error = new AlignError('not_found', `the folder cannot be read: ${(cause as Error).message}`);
      failed.push({ name: slashes(folder), error });
      return;
    }
    for (const entry of entries) {
      const { name } = entry;
      const path = join(folder, name);
      if (name.startsWith('.')) continue;
      if (entry.isDirectory()) await walk(path, `${id}${name}/`);
      else if (entry.isSymbolicLink() && (await is_folder(path))) links.push(slashes(path));
      else if (PICTURE.test(name)) pictures.push({ id: `${id}${name}`, path: slashes(path) });
      else if (OTHER_PICTURE.test(name)) others += 1;
    }
  };
  const prefixes = await prefixes_of(folders);
  for (const [i, folder] of folders.entries()) await walk(folder, prefixes[i]!);
  pictures.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { pictures, failed, links: links.sort(), others };
}

/** The share, 1 … `of`, that a picture belongs to: by its id alone, so that every machine splits alike. */
export function share_of(id: string, of: number): number {
  return (createHash('sha256').update(id).digest().readUInt32BE(0) % of) + 1;
}

/** What goes before the ids of each folder. @throws UsageError */
async function prefixes_of(folders: readonly string[]): Promise<string[]> {
  for (const folder of folders)
    if (!(await is_folder(folder))) throw new UsageError(`${JSON.stringify(folder)} is not a folder`);
  if (folders.length === 1) return [''];
  const names = folders.map((folder) => basename(resolve(folder)));
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice >= 0)
    throw new UsageError(
      `two folders are named ${JSON.stringify(names[twice])}; their pictures would have the same ids: index the folder above them, or rename one`,
    );
  return names.map((name) => `${name}/`);
}

async function is_folder(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
}

function slashes(path: string): string {
  return sep === '/' ? path : path.split(sep).join('/');
}
