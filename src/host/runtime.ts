// Loading: from the files of a model to towers on an executor with their weights in place.

import { platform } from '#platform';
import { Checkpoint } from './checkpoint/checkpoint.ts';
import { choose_formats, type WeightDtype } from './checkpoint/formats.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import { check_dtype } from './checkpoint/packed.ts';
import { WEIGHTS } from './checkpoint/packed_folder.ts';
import { AlignError, throw_if_aborted } from './errors.ts';
import type { Executor } from './executor.ts';
import { falls_back, open_gpu, type OpenGpu } from './gpu.ts';
import type { LoadOptions } from './options.ts';
import { image_size, lay_out, usual_tokens, type Layout, type Parts, type Towers } from './placement.ts';
import { plan_macs } from './plan/describe.ts';
import type { Plan } from './plan/plan.ts';
import { Recorder, type RecorderOptions } from './plan/recorder.ts';
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
  /** Loads the model again after its device was lost, where the options say so. */
  readonly recover: ((signal: AbortSignal | undefined) => Promise<Runtime>) | null;
}

/** What to load, and how. */
interface Order {
  readonly folder: ModelFolder;
  readonly parts: Parts;
  readonly options: LoadOptions;
}

/** Loads `parts` from a folder. Whatever fails or is aborted leaves nothing behind. */
export async function load_runtime(folder: ModelFolder, parts: Parts, given: LoadOptions): Promise<Runtime> {
  throw_if_aborted(given.signal);
  // Compiled once: a Response can be read once, and a model may be loaded again.
  const options = given.wasm === undefined ? given : { ...given, wasm: await compile(given.wasm) };
  const order = { folder, parts, options };
  const open = await open_gpu(options, () => pays(order));
  if (!open) return load_on_wasm(order);
  try {
    return await load_on_gpu(order, open);
  } catch (error) {
    open.gpu.close();
    if (falls_back(options, error)) return load_on_wasm(order);
    throw error;
  }
}

/**
 * Multiply-accumulates of a text or a picture from which on a GPU pays: 50 ms on WASM, of which its hundreds of dispatches
 * and the way there and back take a good part.
 */
const PAYS = 1e9;

/** Whether a text or a picture is work enough for a GPU. */
async function pays({ parts, options }: Order): Promise<boolean> {
  const recorder = new Recorder(new Instance(await compile(options.wasm)));
  const place = { shard: 0, offset: 0, prefixed: true };
  const plans: Plan[] = [];
  if (parts.text) {
    const length = usual_tokens(parts.text);
    const call = { sequences: 1, length, tokens: length, inputs_embeds: false, features: false };
    const wanted = { last_hidden_state: true, hidden_states: false, attentions: false };
    plans.push(
      recorder.text(parts.text, { pooler: false, projection_dim: 0 }, place, { ...call, ...wanted }),
    );
  }
  if (parts.vision) {
    const [height, width] = image_size(parts.vision);
    const call = { batch: 1, height, width, last_hidden_state: false, hidden_states: false };
    plans.push(recorder.vision(parts.vision, place, call));
  }
  return plans.some((plan) => plan_macs(plan) >= PAYS);
}

async function load_on_wasm(order: Order): Promise<Runtime> {
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

async function load_on_gpu(order: Order, { webgpu, gpu }: OpenGpu): Promise<Runtime> {
  const { folder, parts, options } = order;
  const { device = 'auto', signal, max_memory } = options;
  const module = await compile(options.wasm);
  const limits = { shard_limit: gpu.binding_limit, fuse: false, parts: 1 };
  const runtime = await load(order, module, limits, (layout, checkpoint, loading) =>
    webgpu.load(gpu, layout, new Instance(module), checkpoint, { ...loading, max_memory }),
  );
  const { on_device_lost = device === 'auto' ? 'wasm' : 'error' } = options;
  const quiet = { ...options, progress_callback: undefined };
  if (options.verify) {
    const reference = await load_on_wasm({
      folder,
      parts,
      options: { ...quiet, precision: 'exact', threads: 1 },
    });
    try {
      await webgpu.verify(runtime, reference, runtime.dtype, signal);
    } catch (error) {
      runtime.text?.close();
      throw error;
    } finally {
      close_runtime(reference);
    }
  }
  const recover: Runtime['recover'] = (later) =>
    load_runtime(folder, parts, {
      ...quiet,
      signal: later,
      device: on_device_lost === 'wasm' ? 'wasm' : device,
    });
  return { ...runtime, precision: 'fast', recover: on_device_lost === 'error' ? null : recover };
}

/** Frees what a loaded model holds; idempotent. */
export function close_runtime({ executor, text }: Runtime): void {
  executor.dispose();
  text?.close();
}

/** Opens the checkpoint and lays its blocks out; `fill` makes an executor and brings them to it. */
async function load(
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
    return { executor, recorder: layout.recorder, dtype, ...layout.towers(executor, rows), loading_info };
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
      if (remote) progress.total();
    },
  });
  progress.done(file);
  progress.ready();
  return filled;
}

/** The tower a call needs. @throws AlignError `invalid_argument` where it was not loaded. */
export function loaded<T>(tower: T | null, what: 'text' | 'vision'): T {
  if (tower !== null) return tower;
  throw new AlignError('invalid_argument', `The ${what} tower was not loaded`, {
    hint: "load with towers: 'both', from a file that has both",
  });
}
