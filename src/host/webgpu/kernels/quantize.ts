import type { Kernel } from './kernel.ts';
import { lanes, row_groups } from './lanes.ts';

/** Threads take eight columns at a time; ldo has the scale's four floats first, then two columns in one. */
const eights = (ldo: number): number => ldo / 4 - 1;

export const quantize: Kernel = {
  stem: 'quantize',
  constants: ({ ldo }, features) => lanes(eights(ldo!), features),
  workgroups: ({ rows, ldo }, features) => row_groups(rows!, eights(ldo!), features),
};
