import type { Kernel } from './kernel.ts';
import { lanes, row_groups } from './lanes.ts';

export const similarity: Kernel = {
  stem: 'similarity',
  constants: ({ k }, features) => lanes(k! / 4, features),
  workgroups: ({ m, ldo, k }, features) => row_groups((m! * ldo!) / 4, k! / 4, features),
};
