// The host's side of widen.wgsl, which every kernel with packed weights includes.

import { NONE } from '../../plan/layout.ts';
import type { Fields } from './kernel.ts';

/** How the weights are stored, and whether a's rows have a gate. */
export function product_constants({ format, gate }: Fields): Record<'FORMAT' | 'GATED', number> {
  return { FORMAT: format!, GATED: Number(gate !== NONE) };
}
