// Runs one op record on the GPU, as a plan of one op would be run. Places lie in guarded memory here too: what a kernel
// reads or writes outside of its operands shows.

import * as layout from '../../../src/host/plan/layout.ts';
import { write_struct } from '../../../src/host/plan/struct.ts';
import { Gpu, USAGE } from '../../../src/host/webgpu/device.ts';
import { plan_dispatches } from '../../../src/host/webgpu/dispatches.ts';
import { Pipelines } from '../../../src/host/webgpu/pipelines.ts';
import { test_gpu } from './gpu.ts';
import { GuardedMemory } from './memory.ts';
import { place_op, take_results, test_instance, type OpSpec, type Results } from './run_op.ts';

interface Device {
  readonly gpu: Gpu;
  readonly pipelines: Pipelines;
}

let device: Promise<Device> | undefined;

/** The device of this test file. */
export function test_device(): Promise<Device> {
  return (device ??= Gpu.open(test_gpu()).then((gpu) => ({ gpu, pipelines: new Pipelines(gpu) })));
}

export async function run_gpu(op: OpSpec): Promise<Results> {
  const { gpu, pipelines } = await test_device();
  const memory = new GuardedMemory(await test_instance());
  const placed = place_op(memory, op);
  const { instance } = memory;
  const { base } = instance;
  const bytes = memory.end - base;
  const record = new Uint8Array(layout.RECORD_BYTES);
  record.set(instance.bytes(placed.record, layout.RECORD_BYTES));
  // Weights and arena are whole copies of the memory, each bound where the places count from.
  const struct: layout.Struct = layout[op.kind];
  write_struct(record.buffer, 0, struct, { weights: placed.weights - base, shard: 0 });
  const dispatches = await plan_dispatches({ ops: record, length: 1 }, gpu, pipelines);

  const { copy_dst, copy_src, storage, uniform, map_read } = USAGE;
  const size = Math.ceil(bytes / 4) * 4;
  const contents = instance.bytes(base, size).slice();
  const arena_start = placed.arena - base;
  const buffers = await gpu.checked('test', () => ({
    records: gpu.buffer(layout.RECORD_BYTES, uniform | copy_dst),
    weights: gpu.buffer(size, storage | copy_dst),
    arena: gpu.buffer(size - arena_start, storage | copy_dst | copy_src),
    readback: gpu.buffer(size - arena_start, map_read | copy_dst),
  }));
  const { records, weights, arena, readback } = buffers;
  await gpu.checked('test', () => {
    const { queue } = gpu.device;
    queue.writeBuffer(records, 0, record);
    queue.writeBuffer(weights, 0, contents);
    queue.writeBuffer(arena, 0, contents, arena_start);
    const group = gpu.device.createBindGroup({
      layout: pipelines.layout,
      entries: [records, arena, weights].map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, workgroups } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group, [0]);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    encoder.copyBufferToBuffer(arena, 0, readback, 0, size - arena_start);
    queue.submit([encoder.finish()]);
  });
  await gpu.surviving(readback.mapAsync(1));
  const got = new Uint8Array(readback.getMappedRange()).slice(0, size - arena_start);
  for (const buffer of Object.values(buffers)) gpu.free(buffer);
  memory.guard(() => instance.bytes(placed.arena, got.length).set(got));
  return take_results(memory, op, placed);
}
