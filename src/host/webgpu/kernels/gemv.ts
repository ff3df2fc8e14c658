import { grid, type Kernel } from './kernel.ts';
import { product_constants } from './widen.ts';

export const gemv: Kernel = {
  stem: 'gemv',
  // A software driver has too few lanes to split the inner size, and barriers are dear there.
  constants: (op, { software }) => ({ ...product_constants(op), SLICES: software ? 1 : 32 }),
  workgroups: ({ m, ldc }) => grid(m! * Math.ceil(ldc! / 16)),
};
