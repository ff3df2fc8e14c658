// A loaded model: from its files to towers on an executor with their weights in place.

import { platform } from '#platform';
import { Checkpoint } from './checkpoint/checkpoint.ts';
import { choose_formats, type WeightDtype } from './checkpoint/formats.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import { check_dtype } from './checkpoint/packed.ts';
import { WEIGHTS } from './checkpoint/packed_folder.ts';
import { AlignError } from './errors.ts';
import type { Executor } from './executor.ts';
import type { LoadOptions } from './options.ts';
import { lay_out, type Layout, type Parts, type Places, type Towers } from './placement.ts';
import type { WeightRequest } from './plan/plan.ts';
import type { Recorder, RecorderOptions } from './plan/recorder.ts';
import type { ReadPlanes } from './processor/image_processor.ts';
import { Progress } from './progress.ts';
import { WasmExecutor } from './wasm/executor.ts';
import {
  check_tensors,
  in_file_order,
  load_weights,
  stored_bytes,
  stored_names,
  type LoadingInfo,
  type LoadingOptions,
} from './wasm/loader.ts';
import { compile, Instance } from './wasm/module.ts';
import { relaxed_simd } from './wasm/relaxed.ts';
import { threads_available } from './wasm/threads.ts';
import { WordRows } from './word_rows.ts';

/** A loaded model, without its public face. */
export interface Runtime extends Towers {
  readonly executor: Executor;
  readonly recorder: Recorder;
  readonly precision: 'exact' | 'fast';
  readonly dtype: WeightDtype;
  readonly loading_info: LoadingInfo;
  readonly places: Places;
  /** The word table, where it is not among the weights. */
  readonly words: WeightRequest | null;
  /** Loads the model again after its device was lost, where the options say so. */
  readonly recover: ((signal: AbortSignal | undefined) => Promise<Runtime>) | null;
  /** With `worker`: loads the model again after its worker was lost, and reads pictures in it. */
  readonly reload?: (signal: AbortSignal | undefined) => Promise<Runtime>;
  readonly read_planes?: ReadPlanes;
}

/** What to load, and how. */
export interface Order {
  readonly folder: ModelFolder;
  readonly parts: Parts;
  readonly options: LoadOptions;
  /** Loads the same again. */
  readonly again: (options: LoadOptions) => Promise<Runtime>;
}

/** Loads a model on WebAssembly. */
export async function load_on_wasm(order: Order): Promise<Runtime> {
  const { precision: wanted, threads: asked = 1, wasm, max_memory } = order.options;
  const precision = wanted === 'fast' && platform.relaxed && (await relaxed_simd()) ? 'fast' : 'exact';
  const module = await compile(wasm, precision);
  const threads = asked > 1 && threads_available() ? asked : 1;
  const runtime = await load(order, module, { parts: threads }, async (layout, checkpoint, options) => {
    const own = threads > 1 ? await platform.wasm(`${precision}_threads`) : module;
    const executor = new WasmExecutor(own, layout.weight_bytes, max_memory, threads);
    try {
      await executor.start();
      await load_weights(executor, layout.requests, checkpoint, options);
      return executor;
    } catch (error) {
      executor.dispose();
      throw error;
    }
  });
  return { ...runtime, precision, recover: null };
}

/** Frees what a loaded model holds; idempotent. */
export function close_runtime({ executor, text }: Runtime): void {
  executor.dispose();
  text?.close();
}

/** Opens the checkpoint and lays its blocks out; `fill` makes an executor and brings them to it. */
export async function load(
  { folder, parts, options }: Order,
  module: WebAssembly.Module,
  limits: RecorderOptions,
  fill: (layout: Layout, checkpoint: Checkpoint, options: LoadingOptions) => Promise<Executor>,
): Promise<Omit<Runtime, 'precision' | 'recover'>> {
  const checkpoint = await Checkpoint.open(folder, options.signal);
  let stays_open = false;
  try {
    const { packing } = checkpoint;
    if (packing) check_dtype(checkpoint.name, packing, options.dtype);
    const dtype = packing?.dtype ?? options.dtype ?? 'fp32';
    const held = available(parts, checkpoint, options);
    const given = lay_out(
      new Instance(module),
      limits,
      held,
      checkpoint,
      (requests) => choose_formats(requests, dtype),
      options.embeddings === 'rows',
    );
    const { words } = given;
    const loading_info = check_tensors(words ? [words, ...given.requests] : given.requests, checkpoint);
    const layout = { ...given, requests: in_file_order(given.requests, checkpoint) };
    checkpoint.expect(stored_names(layout.requests, checkpoint));
    const executor = await with_progress(layout, checkpoint, folder, options, (loading) =>
      fill(layout, checkpoint, loading),
    );
    const rows = words && new WordRows(words, checkpoint, new Instance(module));
    stays_open = rows !== null;
    const { recorder, places } = layout;
    return { executor, recorder, places, words, dtype, ...layout.towers(executor, rows), loading_info };
  } finally {
    if (!stays_open) await checkpoint.close();
    folder.release?.();
  }
}

/** Without the tower that a packed file leaves out, unless `towers` asks for it. */
function available(parts: Parts, { packing }: Checkpoint, { towers }: LoadOptions): Parts {
  if (!packing || packing.towers === 'both' || towers !== undefined || !parts.text || !parts.vision)
    return parts;
  return { ...parts, [packing.towers === 'text' ? 'vision' : 'text']: undefined };
}

/** Tells `progress_callback` how far `fill` is. */
async function with_progress<T>(
  { requests }: Layout,
  checkpoint: Checkpoint,
  folder: ModelFolder,
  { progress_callback: report, signal }: LoadOptions,
  fill: (options: LoadingOptions) => Promise<T>,
): Promise<T> {
  const remote = report ? folder.progress : undefined;
  const progress = remote ?? new Progress(checkpoint.name, report);
  const file = remote ? WEIGHTS : checkpoint.name;
  progress.begin(file, stored_bytes(requests, checkpoint), remote !== undefined);
  const filled = await fill({
    signal,
    on_bytes: (bytes) => {
      progress.add(file, bytes);
      progress.total(file);
    },
  });
  progress.done(file);
  await progress.ready();
  return filled;
}

/** The tower a call needs. @throws AlignError `invalid_argument` where it was not loaded. */
export function loaded<T>(tower: T | null, what: 'text' | 'vision'): T {
  if (tower !== null) return tower;
  throw new AlignError('invalid_argument', `The ${what} tower was not loaded`, {
    hint: "load with towers: 'both', from a file that has both",
  });
}
