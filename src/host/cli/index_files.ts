// The files of an index on the disk: read, written whole, tidied up.

import { open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { platform } from '#platform';
import type { Align } from '../align.ts';
import { AlignError, show } from '../errors.ts';
import { AlignIndex } from '../search/align_index.ts';

/** Writes the index whole or not at all, and returns when it is on the disk. */
export async function save_index(index: AlignIndex, output: string): Promise<void> {
  await index.save(pathToFileURL(resolve(output)));
  for (const path of [output, dirname(resolve(output))]) {
    const handle = await open(path, 'r');
    // Folders cannot be flushed on every system.
    await handle.sync().catch(() => undefined);
    await handle.close();
  }
}

/** Takes away what saving and taking over a lock left behind when they were killed. */
export async function remove_partial(output: string): Promise<void> {
  const folder = dirname(resolve(output));
  const name = basename(output);
  for (const file of await readdir(folder))
    if (file.startsWith(`${name}.`) && /^(\d+\.partial|lock\.\d+)$/.test(file.slice(name.length + 1)))
      await rm(join(folder, file), { force: true });
}

/**
 * The index in a file or behind a URL.
 * @throws AlignError `not_found`, `network`, `corrupt_index`
 */
export function read_index(path: string): Promise<AlignIndex> {
  // A path as a URL, because a file's name may look like one.
  return AlignIndex.load(/^(https?|file):\/\//i.test(path) ? path : pathToFileURL(resolve(path)));
}

/** The index that an earlier run finished, or null. @throws AlignError as {@link read_index}, `invalid_argument` for a folder */
export async function finished_index(output: string): Promise<AlignIndex | null> {
  const kind = await platform.path_kind(output);
  if (kind === 'folder')
    throw new AlignError('invalid_argument', `${output} is a folder`, {
      hint: `name the file: ${join(output, 'photos.safetensors')}`,
    });
  return kind === null ? null : read_index(output);
}

/** What an index of this model says of itself. */
export async function described(align: Align): Promise<{ model: string | null; dimensions: number }> {
  const empty = await align.create_index();
  const { model, dimensions } = empty;
  empty.dispose();
  return { model, dimensions };
}

/** What two indexes must have in common. */
type Kind = { readonly [K in 'model' | 'dimensions' | 'dtype']?: unknown };

/** @throws AlignError `invalid_argument` when what both say of themselves differs */
export function check_same(name: string, index: Kind, other_name: string, other: Kind, hint?: string): void {
  for (const key of ['model', 'dimensions', 'dtype'] as const) {
    if (other[key] === undefined || index[key] === other[key]) continue;
    throw new AlignError(
      'invalid_argument',
      `${name} has ${key} ${show(index[key])}, ${other_name} ${show(other[key])}`,
      { hint: hint ?? 'name another output, or delete this one' },
    );
  }
}

/** A database's URL without its password. */
export function shown_url(url: string): string {
  return url.replace(/^(postgres(?:ql)?:\/\/)[^@/]*@/, '$1');
}
