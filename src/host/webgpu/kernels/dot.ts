import { grid, type Kernel } from './kernel.ts';

export const dot: Kernel = {
  stem: 'dot',
  constants: ({ activation }) => ({ ACTIVATION: activation! }),
  workgroups: ({ m, ldc }) => grid(Math.ceil((Math.ceil(m! / 4) * Math.ceil(ldc! / 8)) / 64)),
};
