// Runs plans on a GPU: every op a dispatch, all of them in one pass and one submit, one readback at the end.
//
//   buffers:  a weight shard each | op records of the current plan | arena | readback
//
// Activations stay on the GPU. Records hold places relative to the arena and to a shard, so they are uploaded as they are.

import { AlignError, throw_if_aborted } from '../errors.ts';
import {
  read_tensor,
  write_tensor,
  type Executor,
  type Inputs,
  type Outputs,
  type RunOptions,
} from '../executor.ts';
import { ALIGNMENT, RECORD_BYTES } from '../plan/layout.ts';
import type { Plan, PlanTensor } from '../plan/plan.ts';
import { USAGE, type Gpu } from './device.ts';
import { plan_dispatches, type Dispatch } from './dispatches.ts';
import { Pipelines } from './pipelines.ts';

/** GPUMapMode.READ */
const READ = 0x1;

export class GpuExecutor implements Executor {
  readonly gpu: Gpu;
  readonly #pipelines: Pipelines;
  readonly #shards: readonly GPUBuffer[];
  readonly #weight_bytes: number;
  readonly #max_memory: number;
  readonly #dispatches = new WeakMap<Plan, Promise<Dispatch[]>>();
  #arena: GPUBuffer | null = null;
  #records: GPUBuffer | null = null;
  #readback: GPUBuffer | null = null;
  #groups: readonly GPUBindGroup[] = [];
  /** The plan whose records are uploaded. */
  #current: Plan | null = null;

  private constructor(gpu: Gpu, shards: readonly GPUBuffer[], max_memory: number) {
    this.gpu = gpu;
    this.#pipelines = new Pipelines(gpu);
    this.#shards = shards;
    this.#weight_bytes = shards.reduce((bytes, { size }) => bytes + size, 0);
    this.#max_memory = max_memory;
  }

  /**
   * Reserves memory for weights: `shard_bytes` of each shard, at most the GPU's binding limit.
   * @throws AlignError `limit_exceeded` when they are more than `max_memory`, `out_of_memory`, `device_lost`
   */
  static async create(gpu: Gpu, shard_bytes: readonly number[], max_memory = Infinity): Promise<GpuExecutor> {
    check_limit(
      'the weights',
      shard_bytes.reduce((a, b) => a + b, 0),
      max_memory,
    );
    // One shard at least: kernels without weights have something bound too.
    const sizes = shard_bytes.length > 0 ? shard_bytes : [0];
    const shards = await gpu.checked('reserving memory for the weights', () =>
      sizes.map((bytes) => gpu.buffer(bytes, USAGE.storage | USAGE.copy_dst | USAGE.copy_src)),
    );
    return new GpuExecutor(gpu, shards, max_memory);
  }

  get room(): number {
    return Math.min(this.gpu.binding_limit, this.#max_memory - this.#weight_bytes);
  }

  memory(): { weights: number; arena: number; total: number } {
    const { bytes } = this.gpu.held;
    return { weights: bytes && this.#weight_bytes, arena: this.#arena?.size ?? 0, total: bytes };
  }

  /** Uploads packed weights; `bytes.length` is a multiple of 4. The data is copied before this returns. */
  write(shard: number, offset: number, bytes: Uint8Array): void {
    // A copy where the memory is shared: Dawn in Node 20 crashes on such a view.
    const { buffer } = bytes;
    const own = buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
    this.gpu.device.queue.writeBuffer(this.#shards[shard]!, offset, own);
  }

  /** Compiles what a plan needs. @throws AlignError `gpu_unavailable`, `device_lost` */
  prepare(plan: Plan): Promise<readonly Dispatch[]> {
    let dispatches = this.#dispatches.get(plan);
    if (!dispatches) {
      dispatches = plan_dispatches(plan, this.gpu, this.#pipelines);
      this.#dispatches.set(plan, dispatches);
      dispatches.catch(() => this.#dispatches.delete(plan));
    }
    return dispatches;
  }

  async run(plan: Plan, inputs: Inputs, { signal }: RunOptions = {}): Promise<Outputs> {
    throw_if_aborted(signal);
    this.gpu.check();
    const dispatches = await unless_aborted(this.prepare(plan), signal);
    const outputs = Array.from(plan.outputs.values());
    await unless_aborted(this.#reserve(plan, outputs), signal);
    const readback = this.#readback!;
    this.#readback = null; // this run's own until it was read
    let error: unknown;
    try {
      const done = this.gpu.checked('running the model', () => {
        this.#upload(plan, inputs);
        this.#submit(dispatches, outputs, readback);
      });
      const mapped = this.gpu.surviving(readback.mapAsync(READ, 0, readback_bytes(outputs)));
      mapped.catch(() => undefined); // `done` says why, where it knows
      await unless_aborted(done, signal);
      await unless_aborted(mapped, signal);
      return read_outputs(outputs, readback);
    } catch (cause) {
      error = cause;
      throw cause instanceof AlignError ? cause : readback_failed(cause);
    } finally {
      if (error === undefined) {
        readback.unmap();
        this.#readback = readback;
      } else this.gpu.free(readback);
    }
  }

  dispose(): void {
    this.gpu.close();
    this.#arena = this.#records = this.#readback = this.#current = null;
  }

  /** Makes room for a plan's records and arena, and for what is read back. @throws AlignError `limit_exceeded` … */
  async #reserve(plan: Plan, outputs: readonly PlanTensor[]): Promise<void> {
    check_limit('the activations of this call', plan.arena_bytes, this.room);
    const { gpu } = this;
    const grown = (buffer: GPUBuffer | null, bytes: number, usage: number): GPUBuffer => {
      if (buffer && buffer.size >= bytes) return buffer;
      gpu.free(buffer);
      return gpu.buffer(bytes, usage);
    };
    const { storage, uniform, copy_src, copy_dst, map_read } = USAGE;
    const [arena, records] = [this.#arena, this.#records];
    try {
      await gpu.checked('reserving memory for the activations', () => {
        this.#arena = grown(arena, plan.arena_bytes, storage | copy_src | copy_dst);
        this.#records = grown(records, plan.ops.length, uniform | copy_dst);
        this.#readback = grown(this.#readback, readback_bytes(outputs), map_read | copy_dst);
        if (records !== this.#records) this.#current = null;
        if (arena !== this.#arena || records !== this.#records) this.#groups = this.#bind();
      });
    } catch (error) {
      for (const buffer of [this.#arena, this.#records, this.#readback]) gpu.free(buffer);
      this.#arena = this.#records = this.#readback = this.#current = null;
      throw error;
    }
  }

  #bind(): GPUBindGroup[] {
    const { device } = this.gpu;
    return this.#shards.map((shard) =>
      device.createBindGroup({
        layout: this.#pipelines.layout,
        entries: [
          { binding: 0, resource: { buffer: this.#records!, size: RECORD_BYTES } },
          { binding: 1, resource: { buffer: this.#arena! } },
          { binding: 2, resource: { buffer: shard } },
        ],
      }),
    );
  }

  #upload(plan: Plan, inputs: Inputs): void {
    const { queue } = this.gpu.device;
    if (this.#current !== plan) {
      queue.writeBuffer(this.#records!, 0, plan.ops as Uint8Array<ArrayBuffer>);
      this.#current = plan;
    }
    for (const [name, tensor] of plan.inputs) {
      const data = inputs[name]!;
      const staged = new Float32Array(tensor_bytes(tensor) / 4);
      if (data instanceof Float32Array) write_tensor(staged, { ...tensor, offset: 0 }, data);
      else new Int32Array(staged.buffer).set(data);
      queue.writeBuffer(this.#arena!, tensor.offset, staged);
    }
  }

  #submit(dispatches: readonly Dispatch[], outputs: readonly PlanTensor[], readback: GPUBuffer): void {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, op, shard, workgroups } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, this.#groups[shard]!, [op * RECORD_BYTES]);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    let at = 0;
    for (const tensor of outputs) {
      encoder.copyBufferToBuffer(this.#arena!, tensor.offset, readback, at, tensor_bytes(tensor));
      at += aligned(tensor_bytes(tensor));
    }
    device.queue.submit([encoder.finish()]);
  }
}

/** Copies the outputs, one behind the other in `readback`, out of it. */
function read_outputs(outputs: readonly PlanTensor[], readback: GPUBuffer): Outputs {
  const f32 = new Float32Array(readback.getMappedRange(0, readback_bytes(outputs)));
  const found: [string, ReturnType<typeof read_tensor>][] = [];
  let offset = 0;
  for (const tensor of outputs) {
    found.push([tensor.name, read_tensor(f32, { ...tensor, offset })]);
    offset += aligned(tensor_bytes(tensor));
  }
  return new Map(found);
}

function tensor_bytes({ n, h, w, stride }: PlanTensor): number {
  return n * h * w * stride * 4;
}

function readback_bytes(outputs: readonly PlanTensor[]): number {
  return outputs.reduce((bytes, tensor) => bytes + aligned(tensor_bytes(tensor)), 0);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** `task`, or `aborted` as soon as `signal` says so; what the GPU has been given it finishes. */
async function unless_aborted<T>(task: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return task;
  throw_if_aborted(signal);
  task.catch(() => undefined); // after an abort nobody hears it
  let stop: () => void;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(new AlignError('aborted', 'The call was aborted', { cause: signal.reason }));
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([task, stopped]);
  } finally {
    signal.removeEventListener('abort', stop!);
  }
}

function readback_failed(cause: unknown): AlignError {
  return new AlignError('trap', `The results cannot be read back from the GPU: ${String(cause)}`, { cause });
}

function check_limit(what: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new AlignError('limit_exceeded', `${what} need ${bytes} bytes of GPU memory, ${limit} are allowed`, {
    detail: { need: bytes, limit },
    hint: 'raise max_memory, load one tower, or use smaller inputs',
  });
}
