// From a GPU to one of its devices, with what the shaders need of it.

import { unless_aborted } from '../abort.ts';
import { AlignError } from '../errors.ts';

/** A device and what was said of it. */
export interface Opened {
  readonly device: GPUDevice;
  /** Vendor, architecture and so on, as far as the driver tells. */
  readonly description: string;
  /** A processor's imitation of a GPU. */
  readonly software: boolean;
  /** Whether the device was made here, and is to be destroyed here. */
  readonly owned: boolean;
  /** WGSL language features, where somebody knows them. */
  readonly language: ReadonlySet<string> | undefined;
}

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether a software adapter will do. Default true. */
  readonly software?: boolean;
}

/** Asked for where the adapter has them: more in one binding, and syntax that variants of shaders use. */
const LIMITS = ['maxStorageBufferBindingSize', 'maxBufferSize'] as const;
const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const;

/** What every shader relies on: WebGPU's defaults, which compatibility mode does not keep. */
const NEEDED = {
  maxStorageBuffersPerShaderStage: 2,
  maxDynamicUniformBuffersPerPipelineLayout: 1,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeWorkgroupsPerDimension: 65535,
  maxStorageBufferBindingSize: 2 ** 20,
  maxBufferSize: 2 ** 20,
} as const;

/** Names that software drivers give themselves where they do not say that they are fallback adapters. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|software/i;

/** Kept for good: Dawn in Node ends the process when a GPU is collected while there is a device of it. */
const GPUS = new Set<GPU>();

/**
 * Opens a device of `source`, or takes the one that it is.
 * @throws AlignError `gpu_unavailable` where there is no adapter, none but a software one while `software` is false, or
 *   it gives no device; `limit_exceeded` where the device can do less than the shaders need; `aborted`
 */
export async function open_device(source: GPU | GPUDevice, options: OpenOptions = {}): Promise<Opened> {
  const opened = 'requestAdapter' in source ? await request(source, options) : taken(source);
  const { device, description, software, owned } = opened;
  try {
    if (software && options.software === false) throw only_software(description);
    for (const [name, least] of Object.entries(NEEDED)) {
      const limit = device.limits[name as keyof typeof NEEDED];
      if (limit >= least) continue;
      throw new AlignError(
        'limit_exceeded',
        `${description}: ${name} is ${limit}, the shaders need ${least}`,
        {
          detail: { limit: name, have: limit, need: least },
          hint: "use device 'wasm'",
        },
      );
    }
  } catch (error) {
    if (owned) device.destroy();
    throw error;
  }
  return opened;
}

function taken(device: GPUDevice): Opened {
  const info = device.adapterInfo as GPUAdapterInfo | undefined;
  const description = describe(info);
  return { device, description, software: is_software(info, description), owned: false, language: undefined };
}

async function request(gpu: GPU, { signal, software }: OpenOptions): Promise<Opened> {
  GPUS.add(gpu);
  let description = 'the GPU';
  try {
    const adapter = await unless_aborted(gpu.requestAdapter({ powerPreference: 'high-performance' }), signal);
    if (!adapter)
      throw new AlignError('gpu_unavailable', 'There is no GPU adapter', {
        hint: "install a driver, allow WebGPU in this runtime, or use device 'wasm'",
      });
    const info = adapter.info as GPUAdapterInfo | undefined;
    description = describe(info);
    // Older runtimes have it on the adapter itself.
    const { isFallbackAdapter } = adapter as { isFallbackAdapter?: boolean };
    const imitated = isFallbackAdapter === true || is_software(info, description);
    if (imitated && software === false) throw only_software(description);
    const device = await unless_aborted(
      adapter.requestDevice({
        requiredFeatures: FEATURES.filter((name) => adapter.features.has(name)),
        requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
      }),
      signal,
      (late) => late.destroy(),
    );
    if ((device as GPUDevice | null) === null) throw new TypeError('requestDevice gave null');
    const language = gpu.wgslLanguageFeatures as ReadonlySet<string> | undefined;
    return { device, description, software: imitated, owned: true, language };
  } catch (cause) {
    if (cause instanceof AlignError) throw cause;
    throw new AlignError('gpu_unavailable', `${description} gives no device: ${String(cause)}`, {
      hint: "use device 'wasm', or 'auto', which does so by itself",
      cause,
    });
  }
}

function is_software(info: GPUAdapterInfo | undefined, description: string): boolean {
  return info?.isFallbackAdapter === true || SOFTWARE.test(description);
}

function only_software(description: string): AlignError {
  return new AlignError('gpu_unavailable', `${description} is a processor's imitation of a GPU`, {
    hint: "device 'webgpu' takes it; 'auto' computes on WASM, which is faster",
  });
}

function describe(info: GPUAdapterInfo | undefined): string {
  const words = [info?.vendor, info?.architecture, info?.device, info?.description];
  return words.filter(Boolean).join(' ') || 'an unnamed GPU';
}
