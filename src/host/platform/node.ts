// Node, where the optional peer dependency `webgpu` (Dawn) is the GPU.

import { AlignError } from '../errors.ts';
import webgpu from '../webgpu/index.ts';
import { node_platform } from './node_base.ts';
import { navigator_gpu, type Gpus, type Platform } from './platform.ts';

export { node_pictures as pictures } from './node_base.ts';

/** Kept: Dawn ends the process when its GPU is collected while a device of it lives. */
let dawn: Promise<GPU | null> | undefined;

async function load_dawn(): Promise<GPU | null> {
  // Not a literal: a bundle must not look for it.
  const name = 'webgpu' as string;
  try {
    const { create } = (await import(name)) as { create: (options: string[]) => GPU };
    return create([]);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw new AlignError('gpu_unavailable', `The package webgpu does not load: ${String(cause)}`, {
      hint: "use device 'wasm', or install the package again",
      cause,
    });
  }
}

export const platform: Platform = node_platform('node');

export const gpus: Gpus = {
  webgpu,
  gpu: async () => navigator_gpu() ?? (await (dawn ??= load_dawn())),
  gpu_hint: "npm install webgpu, or use device 'wasm'",
};
