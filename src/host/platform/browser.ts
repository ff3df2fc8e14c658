// Browsers, their workers and extensions, and whatever else has fetch.

import webgpu from '../webgpu/index.ts';
import { own_gpu } from './browser_base.ts';
import type { Gpus } from './platform.ts';

export { pictures, platform } from './browser_base.ts';
export const gpus: Gpus = { webgpu, ...own_gpu };
