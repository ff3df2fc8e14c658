// dist/bundle: a browser, to which what runs on a GPU is handed over.

import { browser_gpu, GPU_HINT, platform as base } from './browser_base.ts';
import { workers } from './browser_workers.ts';
import type { Gpus, Platform } from './platform.ts';

export { pictures } from './browser_base.ts';
export const platform: Platform = { ...base, ...workers };
export const gpus: Gpus = { webgpu: null, gpu: browser_gpu, gpu_hint: GPU_HINT };
