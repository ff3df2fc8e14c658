// What every loaded model has: its memory, its queue of calls, saving and disposing.

import type { WeightDtype } from './checkpoint/formats.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import type { AlignConfig, AlignTextConfig, AlignVisionConfig } from './config.ts';
import { disposable } from './dispose.ts';
import { AlignError } from './errors.ts';
import { check_call_options, type CallOptions } from './options.ts';
import { Queue } from './queue.ts';
import type { Runtime } from './runtime.ts';
import { save_model } from './save.ts';

/** What every loaded model has. */
export abstract class Model {
  readonly device = 'wasm';
  abstract readonly config: AlignConfig | AlignTextConfig | AlignVisionConfig;
  readonly #queue = new Queue();
  readonly #folder: ModelFolder;
  #runtime: Runtime | null;

  protected constructor(folder: ModelFolder, runtime: Runtime) {
    this.#folder = folder;
    this.#runtime = runtime;
  }

  /** Bytes of WebAssembly memory: packed weights, the largest arena so far, and all of it. */
  get memory(): { weights: number; arena: number; total: number } {
    return this.#runtime?.executor.memory() ?? { weights: 0, arena: 0, total: 0 };
  }

  /** How the weights are held: the `dtype` that was asked for, or a packed file's own. */
  get dtype(): WeightDtype {
    return this.runtime.dtype;
  }

  /** What runs: `'exact'`, or `'fast'` where that was asked for and the runtime has relaxed SIMD. */
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
   * file that it came from.
   */
  async save_pretrained(folder: string): Promise<void> {
    await this.config.save_pretrained(folder);
    await save_model(this.#folder, folder);
  }

  /** Frees the memory. Calls still waiting, and every later one, throw `disposed`. Idempotent. */
  dispose(): void {
    this.#runtime?.executor.dispose();
    this.#runtime = null;
  }

  /** One call: options checked at once, then run when the calls before it are done. */
  protected async call<T>(
    name: string,
    options: CallOptions,
    task: (runtime: Runtime) => Promise<T>,
  ): Promise<T> {
    check_call_options(name, options);
    if (this.#runtime === null) throw disposed();
    return this.#queue.run(options.signal, () => task(this.runtime));
  }
}
disposable(Model.prototype);

function disposed(): AlignError {
  return new AlignError('disposed', 'The model was disposed');
}
