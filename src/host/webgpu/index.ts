// The GPU side of the package: `align-wasm/webgpu`. Runtimes that have WebGPU have it by themselves; elsewhere it is handed
// over as the option `webgpu`.

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
    const executor = await GpuExecutor.create(gpu, shard_bytes(requests), max_memory);
    // Pipelines compile while the weights travel.
    const warm = executor.prepare(usual_plans(towers(executor)));
    warm.catch(() => undefined);
    await stream_weights(executor, instance, requests, checkpoint, options);
    await warm;
    return executor;
  },

  verify: compare_towers,
};

export default webgpu;
