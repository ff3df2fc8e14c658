// A GPU device and what is known of it: its limits, what it can do, whether it is still there. Buffers are made here, so
// that all of them can be counted and freed.

import { AlignError, throw_if_aborted } from '../errors.ts';
import { usable_features } from './features.ts';
import type { Features } from './shader.ts';

/** GPUBufferUsage, which not every runtime has as a global. */
export const USAGE = {
  map_read: 0x1,
  copy_src: 0x4,
  copy_dst: 0x8,
  uniform: 0x40,
  storage: 0x80,
  query_resolve: 0x200,
} as const;

/** Asked for where the adapter has them: more in one binding, and syntax that variants of shaders use. */
const LIMITS = ['maxStorageBufferBindingSize', 'maxBufferSize'] as const;
const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const;

/** Names that software drivers give themselves where they do not say that they are fallback adapters. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|software/i;

/** Places in records have 32 bits. */
const ADDRESSABLE = 2 ** 32 - 256;

export class Gpu {
  readonly device: GPUDevice;
  readonly features: Features;
  /** Vendor, architecture and so on, as far as the driver tells. */
  readonly description: string;
  /** Bytes that one binding, and so the arena or a shard of the weights, can have. */
  readonly binding_limit: number;
  /** Rejects with `device_lost` when the device is lost; never settles otherwise. */
  readonly lost: Promise<never>;
  readonly #owned: boolean;
  readonly #buffers = new Set<GPUBuffer>();
  #loss: AlignError | null = null;
  #closed = false;

  private constructor(device: GPUDevice, features: Features, description: string, owned: boolean) {
    this.device = device;
    this.features = features;
    this.description = description;
    this.#owned = owned;
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize, ADDRESSABLE);
    this.binding_limit = Math.floor(limit / 256) * 256;
    this.lost = device.lost.then((info) => {
      this.#loss = lost_error(info, description);
      throw this.#loss;
    });
    this.lost.catch(() => undefined); // whoever waits hears it
  }

  /**
   * Opens a device of `source`, or takes the one that it is.
   * @throws AlignError `gpu_unavailable` where there is no adapter or it gives no device, `aborted`
   */
  static async open(source: GPU | GPUDevice, signal?: AbortSignal): Promise<Gpu> {
    const owned = 'requestAdapter' in source;
    const [device, info, fallback] = owned
      ? await request(source)
      : [source, source.adapterInfo as GPUAdapterInfo | undefined, false];
    const description = describe(info);
    try {
      throw_if_aborted(signal);
      const software = fallback || info?.isFallbackAdapter === true || SOFTWARE.test(description);
      return new Gpu(device, await usable_features(device, software), description, owned);
    } catch (error) {
      if (owned) device.destroy();
      throw error;
    }
  }

  /** Bytes of all buffers, and how many there are. */
  get held(): { bytes: number; buffers: number } {
    let bytes = 0;
    for (const { size } of this.#buffers) bytes += size;
    return { bytes, buffers: this.#buffers.size };
  }

  /** A buffer of at least `bytes` bytes. Call within {@link checked}, which says when there is no memory for it. */
  buffer(bytes: number, usage: number): GPUBuffer {
    const buffer = this.device.createBuffer({ size: Math.max(256, Math.ceil(bytes / 4) * 4), usage });
    this.#buffers.add(buffer);
    return buffer;
  }

  free(buffer: GPUBuffer | null | undefined): void {
    if (!buffer) return;
    this.#buffers.delete(buffer);
    buffer.destroy();
  }

  /** @throws AlignError `disposed`, `device_lost` */
  check(): void {
    if (this.#closed) throw new AlignError('disposed', 'The model was disposed');
    if (this.#loss) throw this.#loss;
  }

  /**
   * Runs `task` and gives what it gives, if the device had nothing against it.
   * @throws AlignError `out_of_memory`, `trap` for what the device refused, `device_lost`
   */
  async checked<T>(what: string, task: () => T): Promise<T> {
    this.check();
    const { device } = this;
    const scopes = ['internal', 'out-of-memory', 'validation'] as const;
    for (const scope of scopes) device.pushErrorScope(scope);
    let result: T;
    let errors: Promise<(GPUError | null)[]>;
    try {
      result = task();
    } finally {
      errors = Promise.all([...scopes].reverse().map(() => device.popErrorScope()));
      errors.catch(() => undefined);
    }
    const [validation, memory, internal] = await this.surviving(errors);
    if (memory)
      throw new AlignError('out_of_memory', `${what}: the GPU has no memory left: ${memory.message}`, {
        hint: "use a smaller batch_size, load one tower, or dtype 'fp16' or 'q8'",
      });
    const error = validation ?? internal;
    if (error) throw new AlignError('trap', `${what}: the GPU refused it: ${error.message}`);
    return result;
  }

  /** `task`, or `device_lost` as soon as the device is lost: nobody answers then. */
  async surviving<T>(task: Promise<T>): Promise<T> {
    const result = await Promise.race([task, this.lost]);
    this.check();
    return result;
  }

  /** Destroys all buffers, and the device where it is ours. */
  close(): void {
    this.#closed = true;
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    if (this.#owned) this.device.destroy();
  }
}

async function request(gpu: GPU): Promise<[GPUDevice, GPUAdapterInfo | undefined, boolean]> {
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch (cause) {
    throw new AlignError('gpu_unavailable', `No GPU adapter: ${String(cause)}`, { cause });
  }
  if (!adapter)
    throw new AlignError('gpu_unavailable', 'There is no GPU adapter', {
      hint: "install a driver, allow WebGPU in this runtime, or use device 'wasm'",
    });
  const requiredFeatures = FEATURES.filter((name) => adapter.features.has(name));
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const info = adapter.info as GPUAdapterInfo | undefined;
  // Older runtimes have it on the adapter itself.
  const { isFallbackAdapter } = adapter as { isFallbackAdapter?: boolean };
  try {
    return [
      await adapter.requestDevice({ requiredFeatures, requiredLimits }),
      info,
      isFallbackAdapter === true,
    ];
  } catch (cause) {
    throw new AlignError('gpu_unavailable', `${describe(info)} gives no device: ${String(cause)}`, { cause });
  }
}

function describe(info: GPUAdapterInfo | undefined): string {
  const words = [info?.vendor, info?.architecture, info?.device, info?.description];
  return words.filter(Boolean).join(' ') || 'an unnamed GPU';
}

function lost_error({ reason, message }: GPUDeviceLostInfo, description: string): AlignError {
  return new AlignError('device_lost', `${description} was lost (${reason}): ${message}`, {
    detail: { reason },
    hint: "load with on_device_lost: 'rebuild' or 'wasm' to go on by itself",
  });
}
