import type { Kernel } from './kernel.ts';
import { lanes, row_groups } from './lanes.ts';

export const normalize: Kernel = {
  stem: 'normalize',
  constants: ({ ldc }, features) => lanes(ldc! / 4, features),
  workgroups: ({ rows, ldc }, features) => row_groups(rows!, ldc! / 4, features),
};
