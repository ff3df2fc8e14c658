import { grid, type Kernel } from './kernel.ts';

/** Vectors of four channels side by side in a workgroup. */
const VECTORS = 8;

export const pool: Kernel = {
  stem: 'pool',
  constants: (_, { software }) => ({ LINES: software ? 1 : 16 }),
  workgroups: ({ batch, ldc }) => grid(batch! * Math.ceil(ldc! / 4 / VECTORS)),
};
