// The host's side of widen.wgsl, which every kernel with packed weights includes.

import { NONE } from '../../plan/layout.ts';
import type { Fields } from './kernel.ts';

/** How the weights are stored, whether they end within a step, whether a's rows have a gate, what is done to the sums. */
export function product_constants({ format, k, gate, activation }: Fields): Record<string, number> {
  return {
    FORMAT: format!,
    RAGGED: Number(k! % 4 !== 0),
    GATED: Number(gate !== NONE),
    ACTIVATION: activation!,
  };
}
