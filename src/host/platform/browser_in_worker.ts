// The worker of a model in browsers, from the inside: all of a browser, but no workers for other models.

import webgpu from '../webgpu/index.ts';
import { browser_gpu, GPU_HINT } from './browser_base.ts';
import type { Gpus } from './platform.ts';

export { pictures, platform } from './browser_base.ts';
export const gpus: Gpus = { webgpu, gpu: browser_gpu, gpu_hint: GPU_HINT };
