// How far a tensor is from the one that was expected.

import type { Tensor } from '../tensor.ts';

/** Largest errors of a tensor. NaN when one has a number where the other has none, or when shapes differ. */
export interface Difference {
  /** Largest |actual - expected|. */
  readonly absolute: number;
  /** That, as a share of the largest |expected| of the whole tensor: what one float32 rounding is measured by. */
  readonly relative: number;
}

/** Compares element by element. NaN must meet NaN, and an infinity its equal. */
export function difference(actual: Tensor | null | undefined, expected: Tensor): Difference {
  const nothing = { absolute: NaN, relative: NaN };
  if (!actual || actual.dims.join() !== expected.dims.join()) return nothing;
  let absolute = 0;
  let largest = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const a = Number(actual.data[i]);
    const e = Number(expected.data[i]);
    if (Object.is(a, e) || a === e) {
      if (Number.isFinite(e)) largest = Math.max(largest, Math.abs(e));
      continue;
    }
    if (!Number.isFinite(a) || !Number.isFinite(e)) return nothing;
    largest = Math.max(largest, Math.abs(e));
    absolute = Math.max(absolute, Math.abs(a - e));
  }
  return { absolute, relative: absolute === 0 ? 0 : absolute / largest };
}
