// The GPU that tests in Node run on: Dawn on whatever driver VK_ICD_FILENAMES names; where nothing does, the software
// driver that comes with Debian's Chromium.

import { existsSync } from 'node:fs';
import { create, globals } from 'webgpu';

const DRIVERS = ['/usr/lib/chromium/vk_swiftshader_icd.json'];

let found: GPU | undefined;

/** @throws Error where there is no driver: a missing GPU is a failure, not a skipped test. */
export function test_gpu(): GPU {
  process.env.VK_ICD_FILENAMES ??= DRIVERS.find((path) => existsSync(path));
  process.env.XDG_RUNTIME_DIR ??= '/tmp';
  if (!process.env.VK_ICD_FILENAMES)
    throw new Error(`no Vulkan driver: ${DRIVERS.join(', ')} is not there; set VK_ICD_FILENAMES`);
  Object.assign(globalThis, globals);
  return (found ??= create([]));
}

let device: Promise<GPUDevice> | undefined;

/** A device with the limits that every GPU has, shared by a test file: what one model compiled, the next does not again. */
export function test_gpu_device(): Promise<GPUDevice> {
  return (device ??= test_gpu()
    .requestAdapter()
    .then((adapter) => {
      if (!adapter) throw new Error(`${process.env.VK_ICD_FILENAMES!} gives no adapter`);
      return adapter.requestDevice();
    }));
}
