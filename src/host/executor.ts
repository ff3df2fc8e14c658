// What runs a plan. One implementation a device; both read the same records.

import { ALIGNMENT } from './plan/layout.ts';
import type { Plan, PlanTensor } from './plan/plan.ts';
import { Tensor } from './tensor.ts';

/** Dense input data by tensor name: rows of c values; a picture as [n, c, h, w]. */
export type Inputs = Readonly<Record<string, Float32Array | Int32Array>>;

/** Dense outputs by tensor name: rows [n, c], maps [n, c, h, w], probabilities [n, h, w, c]. */
export type Outputs = ReadonlyMap<string, Tensor<'float32'>>;

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Longest time in ms to compute before the event loop gets a turn; 0 or absent: never, unless there is a signal. */
  readonly yield_ms?: number | undefined;
}

/** Bytes that a run may take. */
export interface Limits {
  readonly arena: number;
  /** Arena and records together, on a GPU the readback too. */
  readonly run: number;
}

export interface Executor {
  readonly device: 'wasm' | 'webgpu';
  /** Threads that compute, the caller's among them. */
  readonly threads: number;
  readonly limits: Limits;
  /** Whether it is gone and serves nobody any more, though nobody disposed of it: a worker that ended. */
  readonly lost?: boolean;
  /** Whether a run of `plan` stays within what may be taken. */
  fits(plan: Plan): boolean;
  /** Makes ready for runs of `plans`, as far as there is anything to be made. */
  warm(plans: readonly Plan[]): Promise<void>;
  /** @throws AlignError `limit_exceeded`, `out_of_memory`, `aborted`, `trap`, `device_lost`, `disposed` */
  run(plan: Plan, inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /** Milliseconds that each op of a plan takes, for benchmarks. */
  profile(plan: Plan, inputs: Inputs): Promise<number[]>;
  /** Bytes held. */
  memory(): { weights: number; arena: number; total: number };
  dispose(): void;
}

/** Bytes rounded up to where the next tensor or block may begin. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Whether a tensor is a map of pixels: those change between NHWC inside and NCHW outside. */
function is_map(tensor: PlanTensor): boolean {
  return tensor.name === 'pixel_values' || /^(last_hidden_state|hidden_states)/.test(tensor.name);
}

/** Writes dense data into the arena `f32` at the tensor's place, pad lanes zero. */
export function write_tensor(f32: Float32Array, tensor: PlanTensor, data: Float32Array): void {
  const { n, h, w, c, stride } = tensor;
  const to = f32.subarray(tensor.offset / 4, tensor.offset / 4 + n * h * w * stride);
  if (c === stride && h * w === 1) {
    to.set(data);
    return;
  }
  if (c !== stride) to.fill(0);
  const pixels = h * w;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < c; j++) {
      const from = (i * c + j) * pixels;
      for (let p = 0, at = i * pixels * stride + j; p < pixels; p++, at += stride) to[at] = data[from + p]!;
    }
  }
}

/** Reads a tensor out of the arena: pads stripped, maps turned to NCHW, every NaN the canonical 0x7fc00000. */
export function read_tensor(f32: Float32Array, tensor: PlanTensor): Tensor<'float32'> {
  const { n, h, w, c, stride } = tensor;
  const from = f32.subarray(tensor.offset / 4, tensor.offset / 4 + n * h * w * stride);
  const map = is_map(tensor);
  const pixels = map ? h * w : 1;
  const pictures = (n * h * w) / pixels;
  const out = new Float32Array(n * h * w * c);
  for (let i = 0; i < pictures; i++) {
    for (let j = 0; j < c; j++) {
      const to = (i * c + j) * pixels;
      for (let p = 0, at = i * pixels * stride + j; p < pixels; p++, at += stride) {
        const value = from[at]!;
        out[to + p] = Number.isNaN(value) ? NaN : value;
      }
    }
  }
  return new Tensor('float32', out, map ? [n, c, h, w] : h * w === 1 ? [n, c] : [n, h, w, c]);
}
