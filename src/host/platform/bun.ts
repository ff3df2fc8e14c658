// Bun.

import { node_platform } from './node_base.ts';
import type { Platform } from './platform.ts';

export { node_pictures as pictures } from './node_base.ts';
export { no_gpus as gpus } from './platform.ts';
export const platform: Platform = node_platform('bun');
