// How many threads share a row in the kernels that include reduce.wgsl.

import type { Features } from '../shader.ts';
import { grid, type Workgroups } from './kernel.ts';

/** Threads of a workgroup there. */
const THREADS = 64;

/** By a row's `vectors` of four: as many threads as have work; on a processor that imitates a GPU one, without a barrier. */
export function lanes(vectors: number, { software }: Features): { LANES: number } {
  return { LANES: software ? 1 : vectors > 32 ? 64 : 8 };
}

/** Workgroups for `rows` rows. */
export function row_groups(rows: number, vectors: number, features: Features): Workgroups {
  return grid(Math.ceil((rows * lanes(vectors, features).LANES) / THREADS));
}
