import { grid, type Kernel } from './kernel.ts';

export const gather: Kernel = {
  stem: 'gather',
  workgroups: ({ count, ldc }) => grid(Math.ceil((count! * ldc!) / 4 / 64)),
};
