import { grid, type Kernel } from './kernel.ts';

export const embedding: Kernel = {
  stem: 'embedding',
  workgroups: ({ tokens, ldc }) => grid(Math.ceil((tokens! * ldc!) / 4 / 64)),
};
