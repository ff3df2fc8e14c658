// What every loaded model has: its memory, its queue of calls, saving and disposing.

import { Lifetime } from './abort.ts';
import type { WeightDtype } from './checkpoint/formats.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import type { AlignConfig, AlignTextConfig, AlignVisionConfig } from './config.ts';
import { Disposable } from './dispose.ts';
import { AlignError, within_memory } from './errors.ts';
import type { TextInputs, VisionInputs } from './inputs.ts';
import { check_call_options, type CallOptions } from './options.ts';
import type { Plan } from './plan/plan.ts';
import type { Planes, ReadPlanes } from './processor/image_processor.ts';
import { Queue } from './queue.ts';
import { close_runtime, type Runtime } from './runtime.ts';
import { save_model } from './save.ts';
import { Tensor } from './tensor.ts';

/** What every loaded model has. */
export abstract class Model extends Disposable {
  abstract readonly config: AlignConfig | AlignTextConfig | AlignVisionConfig;
  readonly #queue = new Queue();
  readonly #lifetime = new Lifetime();
  readonly #folder: ModelFolder;
  #runtime: Runtime | null;
  #device: 'wasm' | 'webgpu';
  /** The runtime, where its GPU was lost and it could not be loaded again yet. */
  #lost: Runtime | null = null;

  protected constructor(folder: ModelFolder, runtime: Runtime) {
    super();
    this.#folder = folder;
    this.#runtime = runtime;
    this.#device = runtime.executor.device;
  }

  /** Where the model runs. After the loss of a GPU that may change, if `on_device_lost` says so. */
  get device(): 'wasm' | 'webgpu' {
    return this.#device;
  }

  /** Bytes of WebAssembly's or of the GPU's memory: packed weights, the largest arena so far, and all of it. */
  get memory(): { weights: number; arena: number; total: number } {
    return this.#runtime?.executor.memory() ?? { weights: 0, arena: 0, total: 0 };
  }

  /** How the weights are held: the `dtype` that was asked for, or a packed file's own. */
  get dtype(): WeightDtype {
    return this.runtime.dtype;
  }

  /** What runs: `'exact'`, or `'fast'` where that was asked for and the runtime has relaxed SIMD, and on every GPU. */
  get precision(): 'exact' | 'fast' {
    return this.runtime.precision;
  }

  /** Threads that compute: as many as asked for, or 1 where there can be no others. */
  get threads(): number {
    return this.runtime.executor.threads;
  }

  /** Checkpoint tensors that this model does not use. */
  get loading_info(): { readonly unexpected_keys: readonly string[] } {
    return this.runtime.loading_info;
  }

  /** @internal */
  get runtime(): Runtime {
    if (this.#runtime === null) throw disposed();
    return this.#runtime;
  }

  /**
   * Writes config.json and model.safetensors: the tensors as they are in the checkpoint this model came from, or the packed
   * file that it came from. The configuration comes last: where the weights cannot be written, the old one stays.
   * @throws AlignError `invalid_argument`, `not_found`, `out_of_memory`, and as reading that checkpoint
   */
  async save_pretrained(folder: string): Promise<void> {
    await within_memory(() => save_model(this.#folder, folder));
    await this.config.save_pretrained(folder);
  }

  /**
   * Makes ready for calls, so that the first is as fast as the next: on a GPU shaders are compiled and the fastest of them
   * chosen, and each tower runs once, on one text and one picture.
   * @throws AlignError as a call
   */
  abstract warmup(): Promise<void>;

  /** @internal A picture read in the model's worker. */
  read_planes(...[input, settings, options]: Parameters<ReadPlanes>): Promise<Planes> {
    return this.until_disposed(options.signal, (signal) =>
      this.call('pictures', { signal }, ({ read_planes }) =>
        read_planes!(input, settings, { ...options, signal }),
      ),
    );
  }

  /** @internal Runs `task` with a signal that fires as soon as `signal` does, or the model is disposed of. */
  until_disposed<T>(signal: AbortSignal | undefined, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#lifetime.run(signal, task);
  }

  /** Frees the memory. Calls under way, those that wait, and every later one throw `disposed`. Idempotent. */
  override dispose(): void {
    this.#lifetime.end(disposed());
    if (this.#runtime) close_runtime(this.#runtime);
    this.#runtime = null;
  }

  /** Compiles what `plans` need, and chooses the fastest of what there is to choose from. */
  protected warm(plans: readonly Plan[]): Promise<void> {
    return this.call('warmup', {}, ({ executor }) => executor.warm(plans));
  }

  /** One call: options checked at once, then run when the calls before it are done. */
  protected async call<T>(
    name: string,
    options: CallOptions,
    task: (runtime: Runtime, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const checked = check_call_options(name, options);
    if (this.#runtime === null) throw disposed();
    const { signal } = checked;
    return this.#queue.run(signal, () => this.#run((runtime) => task(runtime, checked), signal));
  }

  /**
   * Runs `task`, and once more where its GPU was lost and the model could be loaded again. Where the worker of an earlier
   * call is gone, the model is loaded again before.
   */
  async #run<T>(task: (runtime: Runtime) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const { runtime } = this;
    const gone = runtime.executor.lost === true;
    try {
      if (this.#lost !== runtime && !gone) return await task(runtime);
    } catch (error) {
      const lost = error instanceof AlignError && error.code === 'device_lost';
      if (!lost || !runtime.recover || this.#runtime !== runtime) throw error;
      this.#lost = runtime;
      close_runtime(runtime); // a lost device may still hold memory
    }
    const again = await (gone ? runtime.reload! : runtime.recover!)(signal);
    if (gone) close_runtime(runtime);
    if (this.#runtime !== runtime) {
      close_runtime(again);
      throw disposed();
    }
    this.#lost = null;
    this.#runtime = again;
    this.#device = again.executor.device;
    return task(again);
  }
}

/** A text of id 0 alone. */
export function no_text(tokens: number): TextInputs {
  return { input_ids: new Tensor('int32', new Int32Array(tokens), [1, tokens]) };
}

/** A grey picture. @throws AlignError `out_of_memory` */
export function no_picture(
  { num_channels }: AlignVisionConfig,
  [height, width]: readonly [height: number, width: number],
): VisionInputs {
  let data: Float32Array;
  try {
    data = new Float32Array(num_channels * height * width);
  } catch (cause) {
    throw new AlignError('out_of_memory', `No memory for ${width} x ${height} pixels`, { cause });
  }
  return { pixel_values: new Tensor('float32', data, [1, num_channels, height, width]) };
}

function disposed(): AlignError {
  return new AlignError('disposed', 'The model was disposed');
}
