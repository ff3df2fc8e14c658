import { grid, type Kernel } from './kernel.ts';

/** As in the shader: threads of a workgroup, outputs of a strip, the most threads on one line. */
const THREADS = 128;
const STRIP = 4;
const MOST = 16;

/** Filters whose loops are unrolled: side and stride. */
const USUAL = new Set(['3 1', '3 2', '5 1', '5 2']);

export const depthwise: Kernel = {
  stem: 'depthwise',
  constants: ({ kernel, stride, activation }, { software }) => ({
    ...(USUAL.has(`${kernel!} ${stride!}`) && { KERNEL: kernel!, STRIDE: stride! }),
    ACTIVATION: activation!,
    ALONE: Number(software),
  }),
  workgroups: ({ batch, out_h, out_w, ldc }, { software }) => {
    const strips = Math.ceil(out_w! / STRIP);
    const across = software ? 1 : Math.ceil(strips / Math.ceil(strips / MOST));
    return grid(batch! * out_h! * Math.ceil(ldc! / 4 / Math.floor(THREADS / across)));
  },
};
