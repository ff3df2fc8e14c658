// The GPU side of the package: `align-wasm/webgpu`. Runtimes that have WebGPU have it by themselves; elsewhere it is handed
// over as the option `webgpu`.

import { unless_aborted } from '../abort.ts';
import type { WebGpu } from '../gpu.ts';
import { usual_plans } from '../placement.ts';
import { ABI_VERSION } from '../plan/layout.ts';
import { Gpu } from './device.ts';
import { GpuExecutor } from './executor.ts';
import { shard_bytes, stream_weights } from './loader.ts';
import { compare_towers } from './verify.ts';

const webgpu: WebGpu = {
  abi: ABI_VERSION,
  open: (source, options) => Gpu.open(source, options),

  async load(gpu, { requests, towers }, instance, checkpoint, { max_memory, ...options }) {
    const { signal } = options;
    const executor = await unless_aborted(GpuExecutor.create(gpu, shard_bytes(requests), max_memory), signal);
    // Pipelines compile while the weights travel.
    const warm = executor.prepare(usual_plans(towers(executor)));
    warm.catch(() => undefined);
    await stream_weights(executor, instance, requests, checkpoint, options);
    await unless_aborted(warm, signal);
    return executor;
  },

  verify: compare_towers,
};

export default webgpu;
