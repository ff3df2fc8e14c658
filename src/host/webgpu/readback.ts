// Where a run's outputs lie in its readback buffer, and how they come out of it.

import { aligned, read_tensor, type Outputs } from '../executor.ts';
import type { Plan, PlanTensor } from '../plan/plan.ts';

/** Copies the outputs, which lie one behind the other in a mapped readback buffer, out of it. */
export function read_outputs(plan: Plan, readback: GPUBuffer): Outputs {
  const f32 = new Float32Array(readback.getMappedRange(0, readback_bytes(plan)));
  const found: [string, ReturnType<typeof read_tensor>][] = [];
  let offset = 0;
  for (const [name, tensor] of plan.outputs) {
    found.push([name, read_tensor(f32, { ...tensor, offset })]);
    offset += aligned(tensor_bytes(tensor));
  }
  readback.unmap();
  return new Map(found);
}

/** Bytes of a tensor in the arena, pads among them. */
export function tensor_bytes({ n, h, w, stride }: PlanTensor): number {
  return n * h * w * stride * 4;
}

/** Bytes of all outputs, each at a multiple of ALIGNMENT. */
export function readback_bytes(plan: Plan): number {
  let bytes = 0;
  for (const tensor of plan.outputs.values()) bytes += aligned(tensor_bytes(tensor));
  return bytes;
}
