// A plan as a list of dispatches, made once; command buffers are used once, so every run encodes the list again.

import * as layout from '../plan/layout.ts';
import type { Plan } from '../plan/plan.ts';
import { read_struct, type Struct } from '../plan/struct.ts';
import type { Tuned } from './autotune.ts';
import type { Gpu } from './device.ts';
import { kernels_of } from './kernels/index.ts';
import type { Fields, Workgroups } from './kernels/kernel.ts';
import type { Pipelines } from './pipelines.ts';

export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  /** Index of the op. */
  readonly op: number;
  readonly shard: number;
  readonly workgroups: Workgroups;
}

const STRUCTS = new Map<number, Struct>(
  Object.entries(layout.Kind).map(([name, kind]) => [kind, layout[name as keyof typeof layout.Kind]]),
);

/** Op records of a plan by field name. */
export function plan_fields({ ops, length }: Pick<Plan, 'ops' | 'length'>): Fields[] {
  return Array.from({ length }, (_, i) => {
    const at = ops.byteOffset + i * layout.RECORD_BYTES;
    const kind = new DataView(ops.buffer, at).getUint32(0, true);
    return read_struct(ops.buffer, at, STRUCTS.get(kind)!);
  });
}

/** All dispatches of a plan, their pipelines compiled side by side. @throws AlignError `gpu_unavailable`, `device_lost` */
export function plan_dispatches(
  plan: Pick<Plan, 'ops' | 'length'>,
  gpu: Gpu,
  pipelines: Pipelines,
  tuned?: Tuned,
): Promise<Dispatch[]> {
  const { features } = gpu;
  const wanted = plan_fields(plan).flatMap((fields, op) =>
    kernels_of(fields, features, tuned).map((kernel) => ({ op, fields, kernel })),
  );
  return Promise.all(
    wanted.map(async ({ op, fields, kernel }) => ({
      ...{ op, shard: fields.shard! },
      pipeline: await pipelines.get(kernel, fields),
      workgroups: kernel.workgroups(fields, features),
    })),
  );
}

/** Puts a dispatch into a pass; `groups` binds one shard each. */
export function encode(
  pass: GPUComputePassEncoder,
  { pipeline, op, shard, workgroups }: Dispatch,
  groups: readonly GPUBindGroup[],
): void {
  pass.setPipeline(pipeline);
  const group: GPUBindGroup = groups[shard]!;
  pass.setBindGroup(0, group, [op * layout.RECORD_BYTES]);
  pass.dispatchWorkgroups(...workgroups);
}
