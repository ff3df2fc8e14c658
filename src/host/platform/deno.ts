// Deno, which has WebGPU of its own.

import webgpu from '../webgpu/index.ts';
import { node_platform } from './node_base.ts';
import { navigator_gpu, type Platform } from './platform.ts';

export const platform: Platform = {
  ...node_platform('deno'),
  webgpu,
  gpu: () => Promise.resolve(navigator_gpu()),
  gpu_hint: "use a version of Deno with navigator.gpu, or device 'wasm'",
};
