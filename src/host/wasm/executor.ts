// Runs plans in one instance of align.wasm.
//
//   memory:  the module's own | weights | op records of the current plan | arena
//            with several threads, a control block (control.ts) before the weights
//
// What lies behind the weights is used anew by every plan; while loading it is where checkpoint rows wait to be packed.

import { AlignError, throw_if_aborted } from '../errors.ts';
import {
  aligned,
  read_tensor,
  write_tensor,
  type Executor,
  type Inputs,
  type Limits,
  type Outputs,
  type RunOptions,
} from '../executor.ts';
import { pause_every, YIELD_MS, type Pause } from '../pause.ts';
import type { Plan } from '../plan/plan.ts';
import { CONTROL_BYTES } from './control.ts';
import type { ThreadExports } from './exports.ts';
import { Instance } from './module.ts';
import { Pool } from './threads.ts';

const PAGE = 65536;

/** WebAssembly's own limit with 32-bit addresses. */
const ADDRESSABLE = 2 ** 32 - PAGE;

/** What a shared memory begins with; no build declares more. */
const FIRST_PAGES = 16;

export class WasmExecutor implements Executor {
  readonly device = 'wasm';
  readonly threads: number;
  readonly #module: WebAssembly.Module;
  readonly #max_memory: number;
  readonly #weights: number;
  readonly #weight_bytes: number;
  #instance: Instance | null;
  #pool: Pool | null = null;
  /** The plan whose records lie in memory. */
  #current: Plan | null = null;
  #arena_bytes = 0;

  /**
   * Reserves the weights' memory at once. More than one thread need a build for threads, and {@link start}.
   * @throws AlignError `limit_exceeded` when they alone are more than `max_memory` or than WebAssembly can address,
   *   `out_of_memory`
   */
  constructor(
    module: WebAssembly.Module,
    weight_bytes: number,
    max_memory: number = ADDRESSABLE,
    threads: number = 1,
  ) {
    this.threads = threads;
    this.#module = module;
    this.#max_memory = Math.min(max_memory, ADDRESSABLE);
    const shared = threads > 1;
    const instance = new Instance(module, shared ? shared_memory(this.#max_memory) : undefined);
    this.#instance = instance;
    this.#weights = instance.base + (shared ? CONTROL_BYTES : 0);
    this.#weight_bytes = weight_bytes;
    this.#check_limit('the weights', this.behind_weights);
    instance.ensure(this.behind_weights);
  }

  /** The instance, for the loader. @throws AlignError `disposed` */
  get instance(): Instance {
    if (this.#instance === null) throw new AlignError('disposed', 'The model was disposed');
    return this.#instance;
  }

  /** Address of the weights. */
  get weights(): number {
    return this.#weights;
  }

  /** First address behind the weights. */
  get behind_weights(): number {
    return aligned(this.#weights + this.#weight_bytes);
  }

  get limits(): Limits {
    const run = this.#max_memory - this.behind_weights;
    return { arena: run, run };
  }

  fits({ arena_bytes, ops }: Plan): boolean {
    return arena_bytes + ops.length <= this.limits.run;
  }

  memory(): { weights: number; arena: number; total: number } {
    const total = this.#instance?.memory.buffer.byteLength ?? 0;
    return { weights: total === 0 ? 0 : this.#weight_bytes, arena: this.#arena_bytes, total };
  }

  /** Starts the threads, where there are several. @throws AlignError `worker_lost`, `disposed` */
  async start(): Promise<void> {
    if (this.threads === 1) return;
    const { base, memory } = this.instance;
    await this.#pool?.end();
    const pool = await Pool.start(this.#module, memory, base, this.threads);
    if (this.#instance === null) void pool.end();
    else this.#pool = pool;
  }

  /** WebAssembly is compiled when it is loaded. */
  warm(): Promise<void> {
    return Promise.resolve();
  }

  async run(plan: Plan, inputs: Inputs, options: RunOptions = {}): Promise<Outputs> {
    throw_if_aborted(options.signal);
    if (this.#pool?.broken) await this.start();
    const arena = this.prepare(plan);
    this.#write(plan, arena, inputs);
    const slice = options.yield_ms ?? (options.signal ? YIELD_MS : 0);
    const pause = slice > 0 ? pause_every(slice, options.signal) : null;
    if (this.#pool) await this.#run_in_threads(this.#pool, plan, arena, pause);
    else if (pause) await this.#run_in_slices(plan, pause);
    else this.execute(plan, 0, plan.length);
    const f32 = this.instance.f32(arena, plan.arena_bytes / 4);
    return new Map(Array.from(plan.outputs, ([name, tensor]) => [name, read_tensor(f32, tensor)]));
  }

  /** Brings a plan's records into memory and makes room for its arena, whose address it gives. */
  prepare(plan: Plan): number {
    const { instance } = this;
    const records = this.behind_weights;
    const arena = aligned(records + plan.ops.length);
    this.#check_limit('the activations of this call', arena + plan.arena_bytes);
    instance.ensure(arena + plan.arena_bytes);
    if (this.#current !== plan) {
      instance.bytes(records, plan.ops.length).set(plan.ops);
      this.#current = plan;
    }
    this.#arena_bytes = Math.max(this.#arena_bytes, plan.arena_bytes);
    instance.exports.bind(this.#weights, arena);
    return arena;
  }

  /** Runs ops first … first + count − 1 of the plan prepared last. @throws AlignError `trap` */
  execute(plan: Plan, first: number, count: number, part = 0, parts = 1): void {
    try {
      this.instance.exports.execute(this.behind_weights, first, count, part, parts);
    } catch (cause) {
      if (cause instanceof AlignError) throw cause;
      throw new AlignError(
        'trap',
        `align.wasm trapped in ops ${first} to ${first + count - 1} of ${plan.length}`,
        { cause },
      );
    }
  }

  /** On one thread. */
  profile(plan: Plan, inputs: Inputs): Promise<number[]> {
    this.#write(plan, this.prepare(plan), inputs);
    const times = Array.from({ length: plan.length }, (_, i) => {
      const start = performance.now();
      this.execute(plan, i, 1);
      return performance.now() - start;
    });
    return Promise.resolve(times);
  }

  dispose(): void {
    void this.#pool?.end();
    this.#pool = null;
    this.#instance = null;
    this.#current = null;
    this.#arena_bytes = 0;
  }

  #write(plan: Plan, arena: number, inputs: Inputs): void {
    const f32 = this.instance.f32(arena, plan.arena_bytes / 4);
    for (const [name, tensor] of plan.inputs) {
      const data = inputs[name]!;
      if (data instanceof Float32Array) write_tensor(f32, tensor, data);
      else new Int32Array(f32.buffer, arena + tensor.offset, tensor.stride).fill(0).set(data);
    }
  }

  async #run_in_slices(plan: Plan, pause: Pause): Promise<void> {
    for (let i = 0; i < plan.length; i++) {
      this.execute(plan, i, 1);
      await pause();
    }
  }

  #run_in_threads(pool: Pool, plan: Plan, arena: number, pause: Pause | null): Promise<void> {
    const exports = this.instance.exports as ThreadExports;
    const run = { records: this.behind_weights, count: plan.length, weights: this.#weights, arena };
    return pool.run(exports, run, pause);
  }

  #check_limit(what: string, bytes: number): void {
    if (bytes <= this.#max_memory) return;
    throw new AlignError(
      'limit_exceeded',
      `${what} need ${bytes} bytes of memory, ${this.#max_memory} are allowed`,
      {
        detail: { need: bytes, limit: this.#max_memory },
        hint: 'raise max_memory, load one tower, or use smaller inputs',
      },
    );
  }
}

/** @throws AlignError `out_of_memory` */
function shared_memory(max_bytes: number): WebAssembly.Memory {
  const maximum = Math.max(FIRST_PAGES, Math.ceil(max_bytes / PAGE));
  try {
    return new WebAssembly.Memory({ initial: FIRST_PAGES, maximum, shared: true });
  } catch (cause) {
    throw new AlignError(
      'out_of_memory',
      `No shared memory of up to ${maximum * PAGE} bytes can be reserved`,
      {
        hint: 'set max_memory, or load with threads: 1',
        cause,
      },
    );
  }
}
