// Runs plans on a GPU: every op a dispatch, all of them in one pass and one submit, one readback at the end.
//
//   buffers:  a weight shard each | op records of the current plan | arena | readback
//
// Activations stay on the GPU. Records hold places relative to the arena and to a shard, so they are uploaded as they are.

import { unless_aborted } from '../abort.ts';
import { AlignError, throw_if_aborted } from '../errors.ts';
import {
  aligned,
  write_tensor,
  type Executor,
  type Inputs,
  type Limits,
  type Outputs,
  type RunOptions,
} from '../executor.ts';
import { RECORD_BYTES } from '../plan/layout.ts';
import type { Plan } from '../plan/plan.ts';
import { autotune, type Tuned } from './autotune.ts';
import type { Gpu } from './device.ts';
import { encode, plan_dispatches, type Dispatch } from './dispatches.ts';
import { Pipelines } from './pipelines.ts';
import { time_ops } from './profile.ts';
import { read_outputs, readback_bytes, tensor_bytes } from './readback.ts';
import { READ, USAGE } from './usage.ts';

/** What a run works in. One run has it at a time, and gives it back for the next. */
interface Room {
  readonly arena: GPUBuffer;
  readonly records: GPUBuffer;
  readonly readback: GPUBuffer;
  /** One a shard. */
  readonly groups: readonly GPUBindGroup[];
  /** The plan whose records are uploaded. */
  plan: Plan | null;
}

export class GpuExecutor implements Executor {
  readonly device = 'webgpu';
  readonly threads = 1;
  readonly gpu: Gpu;
  readonly #pipelines: Pipelines;
  readonly #shards: readonly GPUBuffer[];
  readonly #weight_bytes: number;
  readonly #max_memory: number;
  #dispatches = new WeakMap<Plan, Promise<Dispatch[]>>();
  #tuned: Tuned | undefined;
  #room: Room | null = null;

  private constructor(gpu: Gpu, pipelines: Pipelines, shards: readonly GPUBuffer[], max_memory: number) {
    this.gpu = gpu;
    this.#pipelines = pipelines;
    this.#shards = shards;
    this.#weight_bytes = shards.reduce((bytes, { size }) => bytes + size, 0);
    this.#max_memory = max_memory;
  }

  /**
   * Reserves memory for weights: `shard_bytes` of each shard, at most the GPU's binding limit.
   * @throws AlignError `limit_exceeded` when they are more than `max_memory`, `out_of_memory`, `device_lost`
   */
  static async create(
    gpu: Gpu,
    shard_bytes: readonly number[],
    max_memory: number = Infinity,
  ): Promise<GpuExecutor> {
    check_limit('the weights', sum(shard_bytes), max_memory);
    // One shard at least: kernels without weights have something bound too.
    const sizes = shard_bytes.length > 0 ? shard_bytes : [0];
    const { storage, copy_dst, copy_src } = USAGE;
    const shards = await gpu.checked('reserving memory for the weights', () =>
      sizes.map((bytes) => gpu.buffer(bytes, storage | copy_dst | copy_src)),
    );
    const pipelines = await gpu.checked('preparing pipelines', () => new Pipelines(gpu));
    return new GpuExecutor(gpu, pipelines, shards, max_memory);
  }

  get limits(): Limits {
    return { arena: this.gpu.binding_limit, run: this.#allowed };
  }

  fits(plan: Plan): boolean {
    return plan.arena_bytes <= this.gpu.binding_limit && room_bytes(plan) <= this.#allowed;
  }

  /** Bytes that a room may have. */
  get #allowed(): number {
    return this.#max_memory - this.#weight_bytes;
  }

  memory(): { weights: number; arena: number; total: number } {
    const { bytes } = this.gpu.held;
    return {
      weights: bytes && this.#weight_bytes,
      arena: bytes && (this.#room?.arena.size ?? 0),
      total: bytes,
    };
  }

  /**
   * Uploads packed weights; `bytes.length` is a multiple of 4. The data is copied before this returns.
   * @throws AlignError `out_of_memory`, `device_lost`
   */
  write(shard: number, offset: number, bytes: Uint8Array): Promise<void> {
    // A copy where the memory is shared: Dawn in Node 20 crashes on such a view.
    const { buffer } = bytes;
    const own = buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
    return this.gpu.checked('uploading weights', () =>
      this.gpu.device.queue.writeBuffer(this.#shards[shard]!, offset, own),
    );
  }

  /** Compiles what plans need, side by side. @throws AlignError `gpu_unavailable`, `device_lost` */
  async prepare(plans: readonly Plan[]): Promise<void> {
    await Promise.all(plans.map((plan) => this.#prepare(plan)));
  }

  /** Also measures which kernels are fastest here, once, and uses them from then on. */
  async warm(plans: readonly Plan[]): Promise<void> {
    if (!this.#tuned) {
      this.#tuned = await this.gpu.surviving(autotune(this.gpu));
      this.#dispatches = new WeakMap();
    }
    await this.prepare(plans);
  }

  /**
   * An abort is heard at once, even of a device that never answers; what the GPU was given it still finishes, before
   * anything that it is given later.
   */
  async run(plan: Plan, inputs: Inputs, { signal }: RunOptions = {}): Promise<Outputs> {
    throw_if_aborted(signal);
    this.gpu.check();
    const dispatches = await this.#prepared(plan, signal);
    const room = await unless_aborted(this.#take(plan), signal, (late) => this.#give(late));
    let outputs: Outputs | null = null;
    try {
      const done = this.gpu.checked('running the model', () => {
        this.#upload(plan, inputs, room);
        this.#submit(plan, dispatches, room);
      });
      const mapped = this.gpu.surviving(
        () =>
          room.readback.mapAsync(READ, 0, readback_bytes(plan)).then(() => read_outputs(plan, room.readback)),
        'reading the results back',
      );
      mapped.catch(() => undefined); // `done` knows better why
      await unless_aborted(done, signal);
      outputs = await unless_aborted(mapped, signal);
      return outputs;
    } finally {
      // A readback buffer that may still be waited for is of no use to anybody else.
      this.#give(room, outputs !== null);
    }
  }

  async profile(plan: Plan, inputs: Inputs): Promise<number[]> {
    const dispatches = await this.#prepare(plan);
    const room = await this.#take(plan);
    try {
      await this.gpu.checked('running the model', () => this.#upload(plan, inputs, room));
      return await time_ops(this.gpu, plan.length, dispatches, room.groups);
    } finally {
      this.#give(room);
    }
  }

  dispose(): void {
    this.gpu.close();
    this.#room = null;
  }

  async #prepared(plan: Plan, signal: AbortSignal | undefined): Promise<readonly Dispatch[]> {
    try {
      return await unless_aborted(this.#prepare(plan), signal);
    } catch (error) {
      if (signal?.aborted) {
        this.#dispatches.delete(plan);
        this.#pipelines.forget_pending();
      }
      throw error;
    }
  }

  #prepare(plan: Plan): Promise<readonly Dispatch[]> {
    let dispatches = this.#dispatches.get(plan);
    if (!dispatches) {
      dispatches = plan_dispatches(plan, this.gpu, this.#pipelines, this.#tuned);
      this.#dispatches.set(plan, dispatches);
      dispatches.catch(() => this.#dispatches.delete(plan));
    }
    return dispatches;
  }

  /** Room for a plan: what there is, with what is too small in it made anew. @throws AlignError `limit_exceeded` … */
  async #take(plan: Plan): Promise<Room> {
    const { gpu } = this;
    check_limit('the activations of this call', plan.arena_bytes, gpu.binding_limit);
    check_limit('the activations of this call', room_bytes(plan), this.#allowed);
    const old = this.#kept(plan);
    const made: GPUBuffer[] = [];
    const fitting = (buffer: GPUBuffer | undefined, bytes: number, usage: number): GPUBuffer => {
      if (buffer && buffer.size >= bytes) return buffer;
      gpu.free(buffer);
      made.push(gpu.buffer(bytes, usage));
      return made.at(-1)!;
    };
    const { storage, uniform, copy_src, copy_dst, map_read } = USAGE;
    try {
      return await gpu.checked('reserving memory for the activations', () => {
        const arena = fitting(old?.arena, plan.arena_bytes, storage | copy_src | copy_dst);
        const records = fitting(old?.records, plan.ops.length, uniform | copy_dst);
        const readback = fitting(old?.readback, readback_bytes(plan), map_read | copy_dst);
        const same = arena === old?.arena && records === old.records;
        const groups = same ? old.groups : this.#bind(records, arena);
        return { arena, records, readback, groups, plan: records === old?.records ? old.plan : null };
      });
    } catch (error) {
      for (const buffer of [old?.arena, old?.records, old?.readback, ...made]) gpu.free(buffer);
      throw error;
    }
  }

  /** The last run's room, unless what is too large in it would take what `plan` needs. */
  #kept(plan: Plan): Room | null {
    const room = this.#room;
    this.#room = null;
    if (!room) return null;
    const needed = [plan.arena_bytes, plan.ops.length, readback_bytes(plan)];
    const buffers = [room.arena, room.records, room.readback];
    if (sum(buffers.map(({ size }, i) => Math.max(size, needed[i]!))) <= this.#allowed) return room;
    for (const buffer of buffers) this.gpu.free(buffer);
    return null;
  }

  /** Keeps a run's room for the next. */
  #give(room: Room, readable = true): void {
    if (readable && this.#room === null) this.#room = room;
    else for (const buffer of [room.readback, room.records, room.arena]) this.gpu.free(buffer);
  }

  #bind(records: GPUBuffer, arena: GPUBuffer): GPUBindGroup[] {
    const { device } = this.gpu;
    return this.#shards.map((shard) =>
      device.createBindGroup({
        layout: this.#pipelines.layout,
        entries: [
          { binding: 0, resource: { buffer: records, size: RECORD_BYTES } },
          { binding: 1, resource: { buffer: arena } },
          { binding: 2, resource: { buffer: shard } },
        ],
      }),
    );
  }

  #upload(plan: Plan, inputs: Inputs, room: Room): void {
    const { queue } = this.gpu.device;
    if (room.plan !== plan) queue.writeBuffer(room.records, 0, plan.ops as Uint8Array<ArrayBuffer>);
    room.plan = plan;
    for (const [name, tensor] of plan.inputs) {
      const data = inputs[name]!;
      const staged = new Float32Array(tensor_bytes(tensor) / 4);
      if (data instanceof Float32Array) write_tensor(staged, { ...tensor, offset: 0 }, data);
      else new Int32Array(staged.buffer).set(data);
      queue.writeBuffer(room.arena, tensor.offset, staged);
    }
  }

  #submit(plan: Plan, dispatches: readonly Dispatch[], { arena, readback, groups }: Room): void {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const dispatch of dispatches) encode(pass, dispatch, groups);
    pass.end();
    let at = 0;
    for (const tensor of plan.outputs.values()) {
      encoder.copyBufferToBuffer(arena, tensor.offset, readback, at, tensor_bytes(tensor));
      at += aligned(tensor_bytes(tensor));
    }
    device.queue.submit([encoder.finish()]);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Bytes of the room that a plan needs. */
function room_bytes(plan: Plan): number {
  return plan.arena_bytes + plan.ops.length + readback_bytes(plan);
}

function check_limit(what: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new AlignError('limit_exceeded', `${what} need ${bytes} bytes of GPU memory, ${limit} are allowed`, {
    detail: { need: bytes, limit },
    hint: 'raise max_memory, load one tower, or use smaller inputs',
  });
}
