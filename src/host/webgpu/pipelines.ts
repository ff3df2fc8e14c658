// Compute pipelines: one for a kernel and the constants it is specialised by. All share one layout, so that whatever an
// op needs is bound the same way.

import { AlignError } from '../errors.ts';
import type { Gpu } from './device.ts';
import type { Fields, Kernel } from './kernels/kernel.ts';
import { shader, shaders, type Shaders } from './shader.ts';

/** GPUShaderStage.COMPUTE */
const COMPUTE = 0x4;

/** Pipelines by device: models on one device, one after another or side by side, compile what they share once. */
const COMPILED = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/** A shader, and what the device has against it. */
interface Module {
  readonly module: GPUShaderModule;
  readonly error: Promise<GPUError | null>;
}

export class Pipelines {
  /** Group 0: the op's record (at a dynamic offset), the arena, a shard of the weights. */
  readonly layout: GPUBindGroupLayout;
  readonly #gpu: Gpu;
  readonly #pipeline_layout: GPUPipelineLayout;
  readonly #modules = new Map<string, Module>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  /** Keys of those that are being compiled. */
  readonly #pending = new Set<string>();
  readonly #compiled: Map<string, GPUComputePipeline>;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    const { device } = gpu;
    this.#compiled = COMPILED.get(device) ?? new Map<string, GPUComputePipeline>();
    COMPILED.set(device, this.#compiled);
    this.layout = device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: COMPUTE, buffer: { type: 'uniform', hasDynamicOffset: true } },
        { binding: 1, visibility: COMPUTE, buffer: { type: 'storage' } },
        { binding: 2, visibility: COMPUTE, buffer: { type: 'read-only-storage' } },
      ],
    });
    this.#pipeline_layout = device.createPipelineLayout({ bindGroupLayouts: [this.layout] });
  }

  /** How many there are. */
  get size(): number {
    return this.#pipelines.size;
  }

  /** The pipeline of `kernel` for `op`, compiled at the first request. @throws AlignError `gpu_unavailable`, `device_lost` */
  get(kernel: Kernel, op: Fields): Promise<GPUComputePipeline> {
    const constants = kernel.constants?.(op, this.#gpu.features) ?? {};
    const key = `${kernel.stem} ${JSON.stringify(constants)}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(kernel.stem, constants);
      this.#pipelines.set(key, pipeline);
      this.#pending.add(key);
      pipeline.then(
        () => this.#pending.delete(key),
        () => this.#pipelines.delete(key),
      );
    }
    return pipeline;
  }

  /** Asks anew for what is still being compiled: a compiler that hung once need not the next time. */
  forget_pending(): void {
    for (const key of this.#pending) this.#pipelines.delete(key);
    this.#pending.clear();
  }

  async #compile(stem: string, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
    const gpu = this.#gpu;
    const key = JSON.stringify([stem, constants, gpu.features]);
    const known = this.#compiled.get(key);
    if (known) return known;
    let source: Module | undefined;
    try {
      const pipeline = await gpu.surviving(async () => {
        source = this.#shader(await shaders(), stem);
        const made = await gpu.device.createComputePipelineAsync({
          label: stem,
          layout: this.#pipeline_layout,
          compute: { module: source.module, entryPoint: 'main', constants: { ...constants } },
        });
        const error = await source.error;
        if (error) throw new Error(error.message);
        return made;
      });
      this.#compiled.set(key, pipeline);
      return pipeline;
    } catch (cause) {
      if (cause instanceof AlignError && cause.code !== 'trap') throw cause;
      const said = await compiler_said(source?.module);
      throw new AlignError(
        'gpu_unavailable',
        `${gpu.description} does not compile the shader ${stem}: ${said || (cause as Error).message}`,
        { detail: { shader: stem }, hint: "use device 'wasm', and report this", cause },
      );
    }
  }

  #shader(all: Shaders, stem: string): Module {
    const known = this.#modules.get(stem);
    if (known) return known;
    const { device, features } = this.#gpu;
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ label: stem, code: shader(all, stem, features) });
    const error = device.popErrorScope();
    error.catch(() => undefined); // the pipeline hears it
    const made = { module, error };
    this.#modules.set(stem, made);
    return made;
  }
}

/** What the compiler has to say of a module; nothing where it does not answer. */
async function compiler_said(module: GPUShaderModule | undefined): Promise<string> {
  try {
    const asked = module?.getCompilationInfo();
    const info = await Promise.race([asked, new Promise<undefined>((late) => setTimeout(late, 1000))]);
    return (info?.messages ?? []).map(({ lineNum, message }) => `line ${lineNum}: ${message}`).join('; ');
  } catch {
    return '';
  }
}
