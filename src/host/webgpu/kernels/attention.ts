import { grid, type Kernel } from './kernel.ts';

export const attention: Kernel = {
  stem: 'attention',
  constants: (_, { software }) => ({ ALONE: Number(software) }),
  workgroups: ({ tokens, heads }, { software }) => grid(Math.ceil((tokens! * heads!) / (software ? 64 : 1))),
};
