// Loading a model where its options say: on WebAssembly, on a GPU, in a worker.

import type { ModelFolder } from './checkpoint/model_files.ts';
import { throw_if_aborted } from './errors.ts';
import { load_on_gpu } from './gpu_runtime.ts';
import { load_in_worker } from './offload/client.ts';
import type { LoadOptions } from './options.ts';
import type { Parts } from './placement.ts';
import { load_on_wasm, type Order, type Runtime } from './runtime.ts';
import { compile } from './wasm/module.ts';

/** Loads `parts` from a folder. Whatever fails or is aborted leaves nothing behind. */
export async function load_runtime(folder: ModelFolder, parts: Parts, given: LoadOptions): Promise<Runtime> {
  throw_if_aborted(given.signal);
  // Compiled once: a Response can be read once, and a model may be loaded again.
  const options = given.wasm === undefined ? given : { ...given, wasm: await compile(given.wasm) };
  const order: Order = { folder, parts, options, again: (changed) => load_runtime(folder, parts, changed) };
  if (options.worker) return load_in_worker(order);
  return (await load_on_gpu(order)) ?? load_on_wasm(order);
}
