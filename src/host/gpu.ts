// Whether a model runs on a GPU, and on which. What does so is imported as types alone: the platforms with WebGPU bring it
// along, and where it is left out a caller hands it over.

import { gpus, platform } from '#platform';
import { unless_aborted } from './abort.ts';
import type { Checkpoint } from './checkpoint/checkpoint.ts';
import { AlignError, show, type AlignErrorCode } from './errors.ts';
import type { Executor } from './executor.ts';
import type { LoadOptions } from './options.ts';
import type { Layout, Towers } from './placement.ts';
import { ABI_VERSION } from './plan/layout.ts';
import type { LoadingOptions } from './wasm/loader.ts';
import type { Instance } from './wasm/module.ts';
import type { Gpu } from './webgpu/device.ts';

/** The GPU side of the package, `align-wasm/webgpu`. */
export interface WebGpu {
  readonly abi: number;
  /** `software: false`: not a software adapter. @throws AlignError `gpu_unavailable`, `limit_exceeded`, `aborted` */
  open: (
    source: GPU | GPUDevice,
    options: { signal?: AbortSignal | undefined; software: boolean },
  ) => Promise<Gpu>;
  /** An executor with the weights of `layout` and the pipelines of its usual plans; `instance` is used up. */
  load: (
    gpu: Gpu,
    layout: Layout,
    instance: Instance,
    checkpoint: Checkpoint,
    options: LoadingOptions & { max_memory?: number | undefined },
  ) => Promise<Executor>;
  /** @throws AlignError `gpu_mismatch` */
  verify: (gpu: Towers, wasm: Towers, dtype: string, signal: AbortSignal | undefined) => Promise<void>;
}

/** A device of a GPU, and what runs on it. */
export interface OpenGpu {
  readonly webgpu: WebGpu;
  readonly gpu: Gpu;
}

/** What is wrong with a GPU and not with a model: WASM may still do. */
const FAULTS: readonly AlignErrorCode[] = [
  'gpu_unavailable',
  'gpu_mismatch',
  'device_lost',
  'out_of_memory',
  'limit_exceeded',
  'trap',
];

/** Whether `error`, met on a GPU while loading, leaves the model to WASM. */
export function falls_back({ device = 'auto', on_device_lost }: LoadOptions, error: unknown): boolean {
  if (!(error instanceof AlignError)) return false;
  if (device === 'auto') return FAULTS.includes(error.code);
  return on_device_lost === 'wasm' && error.code === 'device_lost';
}

/**
 * The GPU that the options ask for, or null for WASM. `pays` says whether the model is work enough for a GPU that nobody
 * handed over.
 * @throws AlignError `gpu_unavailable` where `'webgpu'` was asked for and there is none, `invalid_argument`, `aborted`
 */
export async function open_gpu(options: LoadOptions, pays: () => Promise<boolean>): Promise<OpenGpu | null> {
  const { device = 'auto', precision, signal } = options;
  const webgpu = handed_over(options.webgpu) ?? gpus.webgpu;
  check_combination(options);
  // No GPU gives the same bits everywhere.
  if (device === 'wasm' || (device === 'auto' && precision === 'exact')) return null;
  if (device === 'auto' && !options.gpu && !(webgpu && (await pays()))) return null;
  try {
    const source = options.gpu ?? (await unless_aborted(gpus.gpu(), signal));
    if (!source)
      throw new AlignError('gpu_unavailable', `There is no WebGPU in ${platform.name}`, {
        hint: gpus.gpu_hint,
      });
    if (!webgpu)
      throw new AlignError('gpu_unavailable', `What runs on a GPU does not come along in ${platform.name}`, {
        hint: "import webgpu from 'align-wasm/webgpu' (beside the bundle: './webgpu.js'), and pass it as the option webgpu",
      });
    return { webgpu, gpu: await webgpu.open(source, { signal, software: device === 'webgpu' }) };
  } catch (error) {
    if (falls_back(options, error)) return null;
    throw error;
  }
}

/** @throws AlignError `invalid_argument` for options that contradict each other */
function check_combination({ device, precision, gpu, on_device_lost }: LoadOptions): void {
  if (device === 'webgpu' && precision === 'exact')
    throw new AlignError('invalid_argument', 'precision "exact" and device "webgpu" exclude each other', {
      detail: { option: 'precision', value: precision },
      hint: "only WASM gives the same bits everywhere: leave precision out, or use device 'wasm'",
    });
  if (on_device_lost === 'rebuild' && gpu && !('requestAdapter' in gpu))
    throw new AlignError(
      'invalid_argument',
      'on_device_lost "rebuild" needs a GPU that opens new devices, not a GPUDevice',
      {
        detail: { option: 'on_device_lost', value: on_device_lost },
        hint: "give navigator.gpu as the option gpu, or use on_device_lost: 'wasm'",
      },
    );
}

/** The `webgpu` option: the module or its default export. @throws AlignError `invalid_argument`, `abi_mismatch` */
export function handed_over(given: LoadOptions['webgpu']): WebGpu | undefined {
  if (given === undefined) return undefined;
  const webgpu = 'default' in given ? given.default : given;
  const { abi, open, load } = webgpu as Partial<WebGpu>;
  if (typeof open !== 'function' || typeof load !== 'function')
    throw new AlignError('invalid_argument', `webgpu ${show(given)} is not the module align-wasm/webgpu`, {
      detail: { option: 'webgpu' },
      hint: "import webgpu from 'align-wasm/webgpu'",
    });
  if (abi !== ABI_VERSION)
    throw new AlignError(
      'abi_mismatch',
      `The option webgpu has ABI version ${show(abi)}, this package needs ${ABI_VERSION}`,
      { hint: 'take both from the same version of the package' },
    );
  return webgpu;
}
