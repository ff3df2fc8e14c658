// A GPU that counts what is asked of it and fails where a test says so. Its devices are all one real device, whose
// pipelines are kept, as compiling them takes most of a software driver's time.

/** How a call fails. `lose`: the device is lost just before it; `hang`: it never settles. */
export type Failure = 'throw' | 'reject' | 'hang' | 'lose' | 'validation' | 'out-of-memory' | 'internal';

/** The `nth` call of that name, from 1, such as `queue.submit`. */
export interface Fault {
  readonly call: string;
  readonly nth: number;
  readonly how: Failure;
}

type Method = (...args: unknown[]) => unknown;
type Made = Record<string | symbol, unknown>;

/** The real objects behind watched ones. */
const real = new WeakMap<object, object>();

/** Calls whose result is watched too, and as what. */
const MAKES: Readonly<Record<string, string>> = {
  'device.createBuffer': 'buffer',
  'device.createShaderModule': 'module',
  'device.createCommandEncoder': 'encoder',
  'encoder.beginComputePass': 'pass',
};

export class WatchedGpu {
  /** Names of all calls so far, in order. */
  readonly calls: string[] = [];
  /** Bytes of each upload. */
  readonly writes: number[] = [];
  fault: Fault | null = null;
  /** Buffers made and not destroyed. */
  readonly buffers = new Set<object>();
  /** The device given last. */
  device: WatchedDevice | null = null;
  /** What the adapter says of itself, in place of the truth. */
  info: Readonly<Record<string, string>> | undefined;
  /** Whether there is an adapter. */
  present = true;
  /** What becomes of a shader's text. */
  change: ((code: string) => string) | null = null;
  /** Limits that are smaller than they are. */
  limits: Readonly<Record<string, number>> = {};
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  private constructor(device: GPUDevice) {
    this.#device = device;
  }

  static async open(gpu: GPU): Promise<WatchedGpu> {
    const adapter = (await gpu.requestAdapter())!;
    return new WatchedGpu(await adapter.requestDevice());
  }

  /** To be injected. */
  readonly gpu: GPU = {
    requestAdapter: () => this.call('gpu', 'requestAdapter', () => Promise.resolve(this.#adapter())),
  } as unknown as GPU;

  /** Forgets what was asked so far, and fails at `fault` from now on. */
  watch(fault: Fault | null = null): void {
    this.calls.length = this.writes.length = 0;
    this.fault = fault;
  }

  /** How often a call was made. */
  count(call: string): number {
    return this.calls.filter((name) => name === call).length;
  }

  /** Makes a call, or fails it. */
  call<T>(what: string, method: string, run: () => T): T {
    const name = `${what}.${method}`;
    this.calls.push(name);
    const { fault } = this;
    if (fault?.call !== name || this.count(name) !== fault.nth) return run();
    switch (fault.how) {
      case 'throw':
        throw new TypeError(`${name} throws`);
      case 'reject':
        return Promise.reject(new Error(`${name} fails`)) as T;
      case 'hang':
        return new Promise(() => undefined) as T;
      case 'lose':
        this.device!.lose('unknown');
        return run();
      default:
        this.device!.errors.push(fault.how);
        return run();
    }
  }

  #adapter(): GPUAdapter | null {
    if (!this.present) return null;
    const { adapterInfo: info, features } = this.#device;
    const limits = this.smaller_limits();
    const adapter = {
      ...{ info: this.info ?? info, limits, features },
      requestDevice: () =>
        this.call('adapter', 'requestDevice', () => {
          this.device = new WatchedDevice(this, this.#device);
          return Promise.resolve(this.device.watched);
        }),
    };
    return adapter as unknown as GPUAdapter;
  }

  smaller_limits(): Record<string, number> {
    const { limits } = this.#device;
    // Limits are getters of a prototype, which copying leaves out.
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(limits) as object);
    const all = names.map((name) => [name, (limits as unknown as Record<string, number>)[name]!]);
    return { ...(Object.fromEntries(all) as Record<string, number>), ...this.limits };
  }

  /** The real device's pipeline for a shader and its constants. */
  pipeline(code: string, descriptor: GPUComputePipelineDescriptor): Promise<GPUComputePipeline> {
    const key = JSON.stringify([code, descriptor.compute.constants]);
    const known = this.#pipelines.get(key) ?? this.#device.createComputePipelineAsync(descriptor);
    this.#pipelines.set(key, known);
    return known;
  }
}

/** A device of a {@link WatchedGpu}. */
class WatchedDevice {
  readonly watched: GPUDevice;
  /** Errors for the next scopes of their kind that are closed. */
  readonly errors: string[] = [];
  readonly #gpu: WatchedGpu;
  readonly #scopes: string[] = [];
  readonly #codes = new WeakMap<object, string>();
  #tell!: (info: { reason: string; message: string }) => void;
  #lost = false;

  constructor(gpu: WatchedGpu, device: GPUDevice) {
    this.#gpu = gpu;
    const lost = new Promise((tell) => (this.#tell = tell));
    const queue = this.#watch('queue', device.queue);
    const limits = gpu.smaller_limits();
    this.watched = this.#watch('device', device, { lost, queue, limits }) as GPUDevice;
  }

  /** As a driver does: calls go nowhere from now on, and what waits fails. */
  lose(reason: string): void {
    this.#lost = true;
    this.#tell({ reason, message: 'the test took it' });
  }

  #watch(what: string, object: object, own: Made = {}): object {
    const watched: object = new Proxy(object as Made, {
      get: (target, name) => {
        if (name in own) return own[name];
        const value = target[name];
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.#call(what, String(name), target, args, watched);
      },
    });
    real.set(watched, object);
    return watched;
  }

  #call(what: string, method: string, target: Made, args: unknown[], watched: object): unknown {
    const gpu = this.#gpu;
    const name = `${what}.${method}`;
    return gpu.call(what, method, () => {
      if (name === 'device.createShaderModule' && gpu.change) {
        const descriptor = args[0] as GPUShaderModuleDescriptor;
        args = [{ ...descriptor, code: gpu.change(descriptor.code) }];
      }
      const run = (): unknown => (target[method] as Method).apply(target, args.map(unwrapped));
      if (name === 'queue.writeBuffer') gpu.writes.push((args[2] as Uint8Array).byteLength);
      if (name === 'buffer.destroy') gpu.buffers.delete(watched);
      if (name === 'device.destroy') {
        this.#tell({ reason: 'destroyed', message: '' });
        return undefined;
      }
      if (name === 'device.pushErrorScope') this.#scopes.push(args[0] as string);
      if (name === 'device.popErrorScope') return this.#popped(run() as Promise<unknown>);
      if (name === 'buffer.mapAsync' && this.#lost)
        return Promise.reject(new Error('mapAsync: the device is lost'));
      if (name === 'device.createComputePipelineAsync') {
        const descriptor = unwrapped(args[0]) as GPUComputePipelineDescriptor;
        return gpu.pipeline(this.#codes.get(descriptor.compute.module)!, descriptor);
      }
      const result = run();
      const made = MAKES[name];
      if (made === undefined) return result;
      if (made === 'module') this.#codes.set(result as object, (args[0] as { code: string }).code);
      const object = this.#watch(made, result as object);
      if (made === 'buffer') gpu.buffers.add(object);
      return object;
    });
  }

  /** What a scope that is closed has caught. */
  async #popped(caught: Promise<unknown>): Promise<unknown> {
    const scope = this.#scopes.pop()!;
    const at = this.errors.indexOf(scope);
    if (at >= 0) this.errors.splice(at, 1);
    const own = await caught;
    return at >= 0 ? { message: `the test's ${scope} error` } : own;
  }
}

/** `value` with the real objects in it. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const behind = real.get(value);
  if (behind) return behind;
  if (Array.isArray(value)) return value.map(unwrapped);
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, unwrapped(part)]));
}
