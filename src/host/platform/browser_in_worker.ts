// The worker of a model in browsers, from the inside: all of a browser, but no workers for other models.

import webgpu from '../webgpu/index.ts';
import { own_gpu } from './browser_base.ts';
import type { Gpus } from './platform.ts';

export { pictures, platform } from './browser_base.ts';
export const gpus: Gpus = { webgpu, ...own_gpu };
