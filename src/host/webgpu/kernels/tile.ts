import { grid, type Kernel } from './kernel.ts';
import { product_constants } from './widen.ts';

/** Steps of the inner size that shared memory holds, by threads along a side. */
const DEPTH = { 8: 32, 16: 16 } as const;

/** The kernel with `threads` × `threads` threads, of which each has 4 × 4 of the result. */
export function tile(threads: keyof typeof DEPTH): Kernel {
  const side = 4 * threads;
  return {
    stem: 'tile',
    constants: (op) => ({ ...product_constants(op), THREADS: threads, DEPTH: DEPTH[threads] }),
    workgroups: ({ m, ldc }) => grid(Math.ceil(m! / side) * Math.ceil(ldc! / side)),
  };
}
