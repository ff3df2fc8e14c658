// Browsers, their workers and extensions, and whatever else has fetch.

import webgpu from '../webgpu/index.ts';
import { browser_gpu, GPU_HINT, platform as base } from './browser_base.ts';
import { workers } from './browser_workers.ts';
import type { Gpus, Platform } from './platform.ts';

export { pictures } from './browser_base.ts';
export const platform: Platform = { ...base, ...workers };
export const gpus: Gpus = { webgpu, gpu: browser_gpu, gpu_hint: GPU_HINT };
