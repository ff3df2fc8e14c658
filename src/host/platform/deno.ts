// Deno, which has WebGPU of its own.

import webgpu from '../webgpu/index.ts';
import { node_platform } from './node_base.ts';
import { navigator_gpu, type Gpus, type Platform } from './platform.ts';
import { web_cache } from './web_cache.ts';

export { node_pictures as pictures } from './node_base.ts';

const base = node_platform('deno');

export const platform: Platform = {
  ...base,
  cache: (folder) => (folder === undefined ? web_cache() : base.cache(folder)),
};

export const gpus: Gpus = {
  webgpu,
  gpu: () => Promise.resolve(navigator_gpu()),
  gpu_hint: "use a version of Deno with navigator.gpu, or device 'wasm'",
};
