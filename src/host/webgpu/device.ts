// A GPU device and what is known of it: what it can do, whether it is still there. Buffers are made here, so that all of
// them can be counted and freed, and everything that is asked of the device is waited for here, so that its loss is heard.

import { AlignError } from '../errors.ts';
import { open_device, type Opened, type OpenOptions } from './adapter.ts';
import { usable_features } from './features.ts';
import type { Features } from './shader.ts';

/** Places in records have 32 bits. */
const ADDRESSABLE = 2 ** 32 - 256;

const SCOPES = ['internal', 'out-of-memory', 'validation'] as const;

export class Gpu {
  readonly device: GPUDevice;
  /** Vendor, architecture and so on, as far as the driver tells. */
  readonly description: string;
  /** Bytes that one binding, and so the arena or a shard of the weights, can have. */
  readonly binding_limit: number;
  readonly #owned: boolean;
  readonly #buffers = new Set<GPUBuffer>();
  /** Everything that waits for the device. Not a race against `device.lost`, which would keep every waiter for good. */
  readonly #waiting = new Set<(reason: AlignError) => void>();
  #features: Features;
  #loss: AlignError | null = null;
  #closed = false;

  private constructor({ device, description, software, owned }: Opened) {
    this.device = device;
    this.description = description;
    this.#owned = owned;
    this.#features = { f16: false, subgroups: false, packed_dot: false, software };
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize, ADDRESSABLE);
    this.binding_limit = Math.floor(limit / 256) * 256;
    void device.lost.then((info) => {
      if (!this.#closed) this.#end((this.#loss = lost_error(info, description)));
    });
  }

  /**
   * Opens a device of `source`, or takes the one that it is.
   * @param options `variants`: use what answers rightly on software adapters too, where it gains nothing
   * @throws AlignError as {@link open_device}
   */
  static async open(
    source: GPU | GPUDevice,
    options: OpenOptions & { readonly variants?: boolean } = {},
  ): Promise<Gpu> {
    const opened = await open_device(source, options);
    const gpu = new Gpu(opened);
    try {
      if (!opened.software || options.variants)
        gpu.#features = await usable_features(gpu, opened.language, options.signal);
      return gpu;
    } catch (error) {
      gpu.close();
      throw error;
    }
  }

  get features(): Features {
    return this.#features;
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

  /** @throws AlignError `device_lost`, `disposed` */
  check(): void {
    if (this.#loss) throw this.#loss;
    if (this.#closed) throw disposed();
  }

  /**
   * Runs `task` and gives what it gives, if the device had nothing against it. The task must not wait for anything: error
   * scopes are the device's, and others may use it too.
   * @throws AlignError `out_of_memory`, `trap` for what the device refused, `device_lost`, `disposed`
   */
  async checked<T>(what: string, task: () => T): Promise<T> {
    this.check();
    const { device } = this;
    let result!: T;
    const errors = await this.surviving(() => {
      for (const scope of SCOPES) device.pushErrorScope(scope);
      let answers: Promise<(GPUError | null)[]> | undefined;
      try {
        result = task();
      } finally {
        answers = Promise.all(SCOPES.map(() => device.popErrorScope()));
        answers.catch(() => undefined); // where the task itself failed, that is the reason
      }
      return answers;
    }, what);
    const [validation, memory, internal] = errors;
    if (memory)
      throw new AlignError('out_of_memory', `${what}: the GPU has no memory left: ${memory.message}`, {
        hint: "use a smaller batch_size, load one tower, or dtype 'fp16' or 'q8'",
      });
    const error = validation ?? internal;
    if (error) throw new AlignError('trap', `${what}: the GPU refused it: ${error.message}`);
    return result;
  }

  /**
   * What `task` gives, or the reason that it gives nothing: a device that is lost need not answer any more.
   * @throws AlignError `device_lost`, `disposed`, `trap` for a failure that has no name
   */
  async surviving<T>(task: Promise<T> | (() => Promise<T>), what = 'a call of the GPU'): Promise<T> {
    let stop!: (reason: AlignError) => void;
    const stopped = new Promise<never>((_, reject) => (stop = reject));
    this.#waiting.add(stop);
    try {
      const result = await Promise.race([typeof task === 'function' ? task() : task, stopped]);
      this.check();
      return result;
    } catch (cause) {
      if (cause instanceof AlignError) throw cause;
      await new Promise((resume) => setTimeout(resume)); // calls may fail a moment before the loss is told
      this.check();
      throw new AlignError('trap', `${what} failed: ${String(cause)}`, { cause });
    } finally {
      this.#waiting.delete(stop);
    }
  }

  /** Destroys all buffers, and the device where it is ours. Whoever waits hears `disposed`. */
  close(): void {
    this.#closed = true;
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    if (this.#owned) this.device.destroy();
    this.#end(disposed());
  }

  #end(reason: AlignError): void {
    for (const stop of this.#waiting) stop(reason);
    this.#waiting.clear();
  }
}

function disposed(): AlignError {
  return new AlignError('disposed', 'The model was disposed');
}

function lost_error({ reason, message }: GPUDeviceLostInfo, description: string): AlignError {
  return new AlignError('device_lost', `${description} was lost (${reason}): ${message}`, {
    detail: { reason },
    hint: "load with on_device_lost: 'rebuild' or 'wasm' to go on by itself",
  });
}
