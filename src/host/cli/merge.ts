// align-wasm index --merge: several indexes, the shares of one among them, as one file.

import { resolve } from 'node:path';
import { throw_if_aborted } from '../errors.ts';
import type { AlignIndex } from '../search/align_index.ts';
import { check_same, finished_index, read_index, remove_partial, save_index } from './index_files.ts';
import { OK, type Io } from './io.ts';
import { locked } from './lock.ts';
import { counted, Progress, safe_text, styled } from './text.ts';

/**
 * Writes the entries of all `files` to `output`, over what is there if that is an index. Gives the exit status.
 * @throws AlignError `not_found`, `corrupt_index`, `invalid_argument` for indexes that do not belong together
 */
export async function merge_indexes(
  files: readonly string[],
  output: string,
  json: boolean,
  io: Io,
): Promise<number> {
  return locked(`${resolve(output)}.lock`, async () => {
    await remove_partial(output);
    const there = await finished_index(output);
    there?.dispose();
    const progress = new Progress(io);
    let merged: AlignIndex | undefined;
    try {
      for (const [i, file] of files.entries()) {
        throw_if_aborted(io.signal);
        progress.update('merging', i, files.length);
        const index = await read_index(file);
        if (merged === undefined) merged = index;
        else absorb(merged, index, files[0]!, file);
      }
      await save_index(merged!, output);
      progress.clear();
      const { size } = merged!;
      if (json) io.out(`${JSON.stringify({ output, pictures: size, merged: files.length })}\n`);
      else {
        const title = styled(io, 'bold', safe_text(output));
        io.out(`${title}  ${counted(size, 'picture')} from ${counted(files.length, 'index file')}\n`);
      }
      return OK;
    } finally {
      progress.clear();
      merged?.dispose();
    }
  });
}

function absorb(merged: AlignIndex, index: AlignIndex, first: string, file: string): void {
  try {
    check_same(file, index, first, merged, 'only shares of one index can be merged');
    merged.merge(index);
  } finally {
    index.dispose();
  }
}
