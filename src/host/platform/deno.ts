// Deno, which has WebGPU of its own.

import webgpu from '../webgpu/index.ts';
import { node_platform } from './node_base.ts';
import { navigator_gpu, type Gpus, type Platform } from './platform.ts';
import { web_cache } from './web_cache.ts';

export { node_pictures as pictures } from './node_base.ts';

/** `folder`: as node_platform has it. */
export function deno_platform(folder?: string): Platform {
  const base = node_platform('deno', folder);
  return { ...base, cache: (place) => (place === undefined ? web_cache() : base.cache(place)) };
}

export const platform: Platform = deno_platform();

export const gpus: Gpus = {
  webgpu,
  gpu: () => Promise.resolve(navigator_gpu()),
  gpu_hint: "use a version of Deno with navigator.gpu, or device 'wasm'",
};
