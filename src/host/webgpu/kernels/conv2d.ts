import { grid, type Kernel } from './kernel.ts';

export const conv2d: Kernel = {
  stem: 'conv2d',
  constants: ({ activation }) => ({ ACTIVATION: activation! }),
  workgroups: ({ batch, out_h, out_w, ldc }) =>
    grid(Math.ceil((Math.ceil((batch! * out_h! * out_w!) / 4) * Math.ceil(ldc! / 8)) / 64)),
};
