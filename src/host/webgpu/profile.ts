// Where the time of a plan goes, op by op: a pass each, with the GPU's own clock where it has one.

import type { Gpu } from './device.ts';
import { encode, type Dispatch } from './dispatches.ts';
import { READ, USAGE } from './usage.ts';

/** WebGPU's limit of a query set, two queries a dispatch. */
const DISPATCHES = 2048;

/** Milliseconds of each of `ops` ops. @throws AlignError `trap`, `device_lost` */
export async function time_ops(
  gpu: Gpu,
  ops: number,
  dispatches: readonly Dispatch[],
  groups: readonly GPUBindGroup[],
): Promise<number[]> {
  const times = new Array<number>(ops).fill(0);
  const clock = gpu.device.features.has('timestamp-query');
  const step = clock ? DISPATCHES : 1;
  for (let first = 0; first < dispatches.length; first += step) {
    const some = dispatches.slice(first, first + step);
    const found = clock ? await by_clock(gpu, some, groups) : [await by_waiting(gpu, some[0]!, groups)];
    for (const [i, { op }] of some.entries()) times[op]! += found[i]!;
  }
  return times;
}

/** The GPU's timestamps, in ns, before and after each dispatch. */
async function by_clock(
  gpu: Gpu,
  dispatches: readonly Dispatch[],
  groups: readonly GPUBindGroup[],
): Promise<number[]> {
  const { device } = gpu;
  const count = 2 * dispatches.length;
  const [resolved, readback, querySet] = await gpu.checked('timing ops', () => {
    const query_set = device.createQuerySet({ type: 'timestamp', count });
    const from = gpu.buffer(8 * count, USAGE.query_resolve | USAGE.copy_src);
    const to = gpu.buffer(8 * count, USAGE.map_read | USAGE.copy_dst);
    const encoder = device.createCommandEncoder();
    for (const [i, dispatch] of dispatches.entries()) {
      const timestampWrites = {
        querySet: query_set,
        beginningOfPassWriteIndex: 2 * i,
        endOfPassWriteIndex: 2 * i + 1,
      };
      const pass = encoder.beginComputePass({ timestampWrites });
      encode(pass, dispatch, groups);
      pass.end();
    }
    encoder.resolveQuerySet(query_set, 0, count, from, 0);
    encoder.copyBufferToBuffer(from, 0, to, 0, 8 * count);
    device.queue.submit([encoder.finish()]);
    return [from, to, query_set] as const;
  });
  try {
    await gpu.surviving(() => readback.mapAsync(READ));
    const stamps = new BigUint64Array(readback.getMappedRange());
    return dispatches.map((_, i) => Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e6);
  } finally {
    gpu.free(resolved);
    gpu.free(readback);
    querySet.destroy();
  }
}

/** From submitting a dispatch to hearing that it is done. */
async function by_waiting(gpu: Gpu, dispatch: Dispatch, groups: readonly GPUBindGroup[]): Promise<number> {
  const { device } = gpu;
  const start = performance.now();
  await gpu.checked('timing ops', () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass, dispatch, groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
  });
  await gpu.surviving(() => device.queue.onSubmittedWorkDone());
  return performance.now() - start;
}
