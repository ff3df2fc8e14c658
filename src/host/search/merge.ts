// What has to hold before the entries of one index go into another.

import { AlignError, show } from '../errors.ts';
import type { IndexId } from './entries.ts';
import type { IndexContents } from './index_file.ts';

/** What two indexes must have in common. */
interface Kind {
  readonly dimensions: number;
  readonly dtype: string;
  readonly model: string | null;
}

/** @throws AlignError `invalid_argument` */
export function check_same_kind(one: Kind, other: Kind): void {
  for (const key of ['dimensions', 'dtype', 'model'] as const)
    if (one[key] !== other[key])
      throw new AlignError(
        'invalid_argument',
        `merge: the other index has ${key} ${show(other[key])}, this one ${show(one[key])}`,
      );
}

/**
 * The rows of `theirs` that `ours` does not have; `places`: where ours has an id.
 * @throws AlignError `invalid_argument` where both have an id, with other contents
 */
export function rows_to_add(
  ours: IndexContents,
  places: ReadonlyMap<IndexId, number>,
  theirs: IndexContents,
): number[] {
  return theirs.ids.flatMap((id, row) => {
    const known = places.get(id);
    if (known === undefined) return [row];
    if (ours.metas[known] === theirs.metas[row] && ours.rows.equals(known, theirs.rows, row)) return [];
    throw new AlignError('invalid_argument', `merge: both indexes have ${show(id)}, with other contents`, {
      detail: { id },
      hint: 'remove it from one of them',
    });
  });
}
