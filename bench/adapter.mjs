// Which GPU a browser has. Runs in its worker.

import webgpu from '../dist/webgpu/index.js';

/** { description, software, and what of the language is used there }. @throws AlignError where there is none */
export async function describe() {
  const gpu = await webgpu.open(navigator.gpu);
  const { description, features } = gpu;
  gpu.close();
  return { description, ...features };
}
