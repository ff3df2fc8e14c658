// Loading: from the files of a model to towers on an executor with their weights in place.

import { platform } from '#platform';
import { Checkpoint } from './checkpoint/checkpoint.ts';
import { choose_formats, type WeightDtype } from './checkpoint/formats.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import { check_dtype } from './checkpoint/packed.ts';
import { AlignError, throw_if_aborted } from './errors.ts';
import type { LoadOptions } from './options.ts';
import { lay_out, type Layout, type Parts, type Towers } from './placement.ts';
import type { Recorder } from './plan/recorder.ts';
import { WasmExecutor } from './wasm/executor.ts';
import { check_tensors, load_weights, stored_bytes, type LoadingInfo } from './wasm/loader.ts';
import { compile, Instance } from './wasm/module.ts';
import { relaxed_simd } from './wasm/relaxed.ts';
import { threads_available } from './wasm/threads.ts';

/** A loaded model, without its public face. */
export interface Runtime extends Towers {
  readonly executor: WasmExecutor;
  readonly recorder: Recorder;
  readonly precision: 'exact' | 'fast';
  readonly dtype: WeightDtype;
  readonly loading_info: LoadingInfo;
}

/** Loads `parts` from a folder. Whatever fails or is aborted leaves nothing behind. */
export async function load_runtime(
  folder: ModelFolder,
  parts: Parts,
  options: LoadOptions,
): Promise<Runtime> {
  const { signal } = options;
  throw_if_aborted(signal);
  const precision =
    options.precision === 'fast' && platform.relaxed && (await relaxed_simd()) ? 'fast' : 'exact';
  const module = await compile(options.wasm, precision);
  const { threads: asked = 1 } = options;
  const threads = asked > 1 && threads_available() ? asked : 1;
  const checkpoint = await Checkpoint.open(folder, signal);
  try {
    const { packing } = checkpoint;
    if (packing) check_dtype(checkpoint.name, packing, options.dtype);
    const dtype = packing?.dtype ?? options.dtype ?? 'fp32';
    const held = available(parts, checkpoint, options);
    const layout = lay_out(new Instance(module), { parts: threads }, held, checkpoint, (requests) =>
      choose_formats(requests, dtype),
    );
    const loading_info = check_tensors(layout.requests, checkpoint);
    const own = threads > 1 ? await platform.wasm(`${precision}_threads`) : module;
    const executor = new WasmExecutor(own, layout.weight_bytes, options.max_memory, threads);
    await load_with_progress(executor, layout, checkpoint, options);
    const { recorder } = layout;
    return { executor, recorder, precision, dtype, ...layout.towers(executor), loading_info };
  } finally {
    await checkpoint.close();
  }
}

/** Without the tower that a packed file leaves out, unless `towers` asks for it. */
function available(parts: Parts, { packing }: Checkpoint, { towers }: LoadOptions): Parts {
  if (!packing || packing.towers === 'both' || towers !== undefined || !parts.text || !parts.vision)
    return parts;
  return { ...parts, [packing.towers === 'text' ? 'vision' : 'text']: undefined };
}

async function load_with_progress(
  executor: WasmExecutor,
  layout: Layout,
  checkpoint: Checkpoint,
  options: LoadOptions,
): Promise<void> {
  const report = options.progress_callback;
  const total = stored_bytes(layout.requests, checkpoint);
  const file = checkpoint.name;
  let loaded = 0;
  report?.({ status: 'initiate', file });
  try {
    await executor.start();
    await load_weights(executor, layout.requests, checkpoint, {
      signal: options.signal,
      on_bytes: (bytes) => {
        loaded += bytes;
        report?.({ status: 'progress', file, loaded, total, progress: (100 * loaded) / total });
      },
    });
  } catch (error) {
    executor.dispose();
    throw error;
  }
  report?.({ status: 'done', file });
  report?.({ status: 'ready' });
}

/** The tower a call needs. @throws AlignError `invalid_argument` where it was not loaded. */
export function loaded<T>(tower: T | null, what: 'text' | 'vision'): T {
  if (tower !== null) return tower;
  throw new AlignError('invalid_argument', `The ${what} tower was not loaded`, {
    hint: "load with towers: 'both', from a file that has both",
  });
}
