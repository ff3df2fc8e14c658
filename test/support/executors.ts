// What a model runs on, for tests that look into it.

import type { Executor } from '../../src/host/executor.ts';
import { WasmExecutor } from '../../src/host/wasm/executor.ts';
import { GpuExecutor } from '../../src/host/webgpu/executor.ts';

interface Loaded {
  readonly runtime: { readonly executor: Executor };
}

export function wasm_executor({ runtime: { executor } }: Loaded): WasmExecutor {
  if (executor instanceof WasmExecutor) return executor;
  throw new Error(`the model runs on ${executor.device}`);
}

export function gpu_executor({ runtime: { executor } }: Loaded): GpuExecutor {
  if (executor instanceof GpuExecutor) return executor;
  throw new Error(`the model runs on ${executor.device}`);
}
