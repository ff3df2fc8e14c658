// The calling thread's side: a worker that a model computes in, as an executor and a reader of pictures.

import { platform } from '#platform';
import { unless_aborted } from '../abort.ts';
import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { AlignError, throw_if_aborted } from '../errors.ts';
import type { Executor, Inputs, Limits, Outputs, RunOptions } from '../executor.ts';
import { handed_over } from '../gpu.ts';
import type { LoadOptions } from '../options.ts';
import { make_towers } from '../placement.ts';
import type { Transfer } from '../platform/platform.ts';
import type { Plan } from '../plan/plan.ts';
import { Recorder } from '../plan/recorder.ts';
import type { Planes, ReadPlanes } from '../processor/image_processor.ts';
import type { Order, Runtime } from '../runtime.ts';
import { Tensor } from '../tensor.ts';
import { compile, Instance, type WasmInput } from '../wasm/module.ts';
import { readback_bytes } from '../webgpu/readback.ts';
import { WordRows } from '../word_rows.ts';
import { Channel, type Handler } from './channel.ts';
import { serve_folder } from './folder.ts';
import { sent_picture } from './picture.ts';
import type {
  LoadAnswer,
  LoadQuestion,
  Memory,
  PlanesQuestion,
  ProfileAnswer,
  ProgressNote,
  RunAnswer,
  RunQuestion,
  SentPlan,
  State,
} from './protocol.ts';

/** Plans that the worker keeps; a recorder keeps fewer. */
const KEPT = 32;

const NOTHING = new Uint8Array();

/** A worker, and the questions it is asked. In Node it holds the process back while it is asked something. */
class OffloadedWorker {
  readonly #channel: Channel;
  readonly #worker: ReturnType<NonNullable<typeof platform.offload>>;
  readonly #closing: (() => void)[] = [];
  lost = false;

  /** @throws AlignError `invalid_argument` where there are no workers, `worker_lost` where none can be started */
  constructor(handlers: Readonly<Record<string, Handler>>) {
    if (!platform.offload)
      throw new AlignError('invalid_argument', `worker true: there are no workers in ${platform.name}`, {
        detail: { option: 'worker', value: true },
        hint: 'leave it out; yield_ms gives other work its turn while a call computes',
      });
    try {
      this.#worker = platform.offload({
        message: (message) => this.#channel.receive(message),
        lost: (cause) => this.#gone(cause),
      });
    } catch (cause) {
      throw lost_error('The worker cannot be started', cause);
    }
    this.#worker.unref();
    this.#channel = new Channel((message, transfer) => this.#worker.post(message, transfer), handlers);
  }

  /** What is done when it ends, however that comes. */
  at_end(task: () => void): void {
    this.#closing.push(task);
  }

  async ask<T>(
    what: string,
    question: unknown,
    options: { signal?: AbortSignal | undefined; transfer?: Transfer[] } = {},
  ): Promise<T> {
    if (!this.#channel.busy) this.#worker.ref();
    try {
      return await this.#channel.ask<T>(what, question, options);
    } finally {
      if (!this.#channel.busy) this.#worker.unref();
    }
  }

  /** Ends it; whoever waits hears `reason`. */
  end(reason: AlignError): void {
    this.#channel.end(reason);
    for (const task of this.#closing.splice(0)) task();
    void this.#worker.end();
  }

  #gone(cause: unknown): void {
    if (this.#channel.ended) return;
    this.lost = true;
    this.end(lost_error('The worker of the model is gone', cause));
  }
}

function lost_error(what: string, cause: unknown): AlignError {
  return new AlignError('worker_lost', `${what}: ${String(cause)}`, {
    hint: 'the next call starts another; where none starts, serve dist/bundle of the package from the origin of the page and allow its workers, or load without worker',
    cause,
  });
}

/** Runs plans in the worker. */
class OffloadedExecutor implements Executor {
  readonly device: 'wasm' | 'webgpu';
  readonly threads: number;
  readonly limits: Limits;
  readonly #worker: OffloadedWorker;
  /** Plans that the worker has, by number, the one used last at the end. */
  readonly #plans = new Map<Plan, number>();
  #sent = 0;
  #memory: Memory;

  constructor(worker: OffloadedWorker, { device, threads, limits, memory }: LoadAnswer) {
    this.#worker = worker;
    this.device = device;
    this.threads = threads;
    this.limits = limits;
    this.#memory = memory;
  }

  get lost(): boolean {
    return this.#worker.lost;
  }

  fits(plan: Plan): boolean {
    const readback = this.device === 'webgpu' ? readback_bytes(plan) : 0;
    const bytes = plan.arena_bytes + plan.ops.length + readback;
    return plan.arena_bytes <= this.limits.arena && bytes <= this.limits.run;
  }

  memory(): Memory {
    return { ...this.#memory };
  }

  async warm(plans: readonly Plan[]): Promise<void> {
    const sent = plans.map((plan) => this.#send(plan));
    this.#hear(await this.#worker.ask<State>('warm', sent));
  }

  async run(plan: Plan, inputs: Inputs, { signal, yield_ms }: RunOptions = {}): Promise<Outputs> {
    throw_if_aborted(signal); // before its plan counts as sent
    const question = this.#question(plan, inputs, yield_ms);
    const transfer = Object.values(question.inputs).map(({ buffer }) => buffer as ArrayBuffer);
    const { outputs } = this.#hear(await this.#worker.ask<RunAnswer>('run', question, { signal, transfer }));
    return new Map(outputs.map(([name, data, dims]) => [name, new Tensor('float32', data, dims)]));
  }

  async profile(plan: Plan, inputs: Inputs): Promise<number[]> {
    return this.#hear(await this.#worker.ask<ProfileAnswer>('profile', this.#question(plan, inputs))).times;
  }

  dispose(): void {
    this.#memory = { weights: 0, arena: 0, total: 0 };
    const disposed = new AlignError('disposed', 'The model was disposed');
    // A device is closed before its thread ends.
    const closed = this.device === 'webgpu' ? this.#worker.ask('close', null) : null;
    if (closed) void closed.catch(() => undefined).then(() => this.#worker.end(disposed));
    else this.#worker.end(disposed);
  }

  #hear<T extends State>(answer: T): T {
    this.#memory = answer.memory;
    return answer;
  }

  /** Inputs are copied: they may be pieces of what the caller keeps. */
  #question(plan: Plan, inputs: Inputs, yield_ms?: number): RunQuestion {
    const own = Object.entries(inputs).map(([name, data]) => [name, data.slice()] as const);
    return { plan: this.#send(plan), inputs: Object.fromEntries(own), yield_ms };
  }

  #send(plan: Plan): SentPlan {
    const known = this.#plans.get(plan);
    const id = known ?? ++this.#sent;
    this.#plans.delete(plan);
    this.#plans.set(plan, id);
    let forget: number | null = null;
    if (this.#plans.size > KEPT) {
      const [oldest, number] = this.#plans.entries().next().value!;
      this.#plans.delete(oldest);
      forget = number;
    }
    // What loading alone needs stays here.
    return { id, plan: known ? null : { ...plan, requests: NOTHING, sources: NOTHING }, forget };
  }
}

/**
 * Loads a model in a worker of its own.
 * @throws AlignError as loading it here, `worker_lost`, `invalid_argument` where there are no workers or `gpu` was given
 */
export async function load_in_worker(order: Order): Promise<Runtime> {
  const { folder, options } = order;
  check_gpu(options);
  const { signal, progress_callback: report } = options;
  const served = serve_folder(folder, signal);
  let failed: { readonly error: unknown } | null = null;
  const remote = report ? folder.progress : undefined;
  let loaded = false;
  const fail = (error: unknown): void => {
    if (loaded || failed) return;
    failed = { error };
    worker.end(new AlignError('aborted', 'progress_callback has failed', { cause: error }));
  };
  const hear_progress = (note: ProgressNote): readonly [null] => {
    if (failed) return [null];
    try {
      const told =
        'info' in note
          ? report?.(note.info)
          : (remote as unknown as Record<string, (...values: unknown[]) => unknown>)[note.call]!(
              ...note.values,
            );
      Promise.resolve(told).catch(fail);
    } catch (error) {
      fail(error);
    }
    return [null];
  };
  const worker = new OffloadedWorker({ ...served.handlers, progress: hear_progress });
  worker.at_end(() => served.close());
  try {
    const module = await module_for(options);
    const question = load_question(order, module, report ? (remote ? 'calls' : 'events') : null);
    const answer = await unless_aborted(worker.ask<LoadAnswer>('load', question), signal);
    loaded = true;
    return await make_runtime(order, worker, answer);
  } catch (error) {
    worker.end(new AlignError('disposed', 'The model was disposed'));
    throw (failed as { error: unknown } | null)?.error ?? error;
  } finally {
    folder.release?.();
  }
}

function check_gpu({ gpu, webgpu }: LoadOptions): void {
  handed_over(webgpu); // the worker has its own; what is wrong with this one is still said
  if (gpu === undefined) return;
  throw new AlignError('invalid_argument', 'gpu and worker true exclude each other: a GPU cannot go over', {
    detail: { option: 'gpu' },
    hint: "leave gpu out: device 'webgpu' or 'auto' opens a GPU in the worker",
  });
}

/**
 * The module that goes over, so that the worker does not compile it once more: Node 20 keeps some 30 KB of each worker that
 * has compiled one and is ended. Whether it can be relaxed is for the worker to find out.
 */
async function module_for({ wasm, precision }: LoadOptions): Promise<WasmInput | undefined> {
  return wasm === undefined && precision === 'fast' ? undefined : compile(wasm);
}

function load_question(
  { folder, parts, options }: Order,
  wasm: WasmInput | undefined,
  progress: LoadQuestion['progress'],
): LoadQuestion {
  const { device, on_device_lost, verify, dtype, precision, threads } = options;
  const { towers, max_memory, embeddings } = options;
  return {
    name: folder.name,
    text: parts.text?.to_dict() ?? null,
    vision: parts.vision?.to_dict() ?? null,
    add_pooling_layer: parts.add_pooling_layer,
    projection_dim: parts.projection_dim,
    options: {
      ...{ device, on_device_lost, verify, dtype, precision, threads, wasm },
      ...{ towers, max_memory, embeddings },
    },
    progress,
  };
}

/** The model as the calling thread has it: it records plans, the worker runs them. */
async function make_runtime(
  { folder, parts, options, again }: Order,
  worker: OffloadedWorker,
  answer: LoadAnswer,
): Promise<Runtime> {
  const { dtype, precision, loading_info, places, words } = answer;
  const module = await compile(options.wasm);
  const executor = new OffloadedExecutor(worker, answer);
  const recorder = new Recorder(new Instance(module), answer.recorder);
  const held = {
    ...parts,
    text: answer.text ? parts.text : undefined,
    vision: answer.vision ? parts.vision : undefined,
  };
  const rows =
    words && new WordRows(words, await Checkpoint.open(folder, options.signal), new Instance(module));
  const { device = 'auto', on_device_lost = device === 'auto' ? 'wasm' : 'error' } = options;
  const changed = (change: LoadOptions): Promise<Runtime> =>
    again({ ...options, progress_callback: undefined, ...change });
  return {
    executor,
    recorder,
    ...make_towers(recorder, held, places, executor, rows),
    ...{ dtype, precision, loading_info, places, words },
    read_planes: plane_asker(worker),
    recover: answer.recovers
      ? (signal) => changed({ signal, device: on_device_lost === 'wasm' ? 'wasm' : device })
      : null,
    reload: (signal) => changed({ signal }),
  };
}

function plane_asker(worker: OffloadedWorker): ReadPlanes {
  return async (input, settings, options) => {
    const { signal, max_pixels } = options;
    const [picture, transfer] = await sent_picture(input, settings, options);
    const question = { picture, settings, max_pixels } satisfies PlanesQuestion;
    return worker.ask<Planes>('planes', question, { signal, transfer });
  };
}
