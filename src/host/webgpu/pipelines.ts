// Compute pipelines: one for a kernel and the constants it is specialised by. All share one layout, so that whatever an
// op needs is bound the same way.

import { AlignError } from '../errors.ts';
import { RECORD_BYTES } from '../plan/layout.ts';
import type { Gpu } from './device.ts';
import type { Fields, Kernel } from './kernels/kernel.ts';
import { shader } from './shader.ts';

/** GPUShaderStage.COMPUTE */
const COMPUTE = 0x4;

export class Pipelines {
  /** Group 0: the op's record (at a dynamic offset), the arena, a shard of the weights. */
  readonly layout: GPUBindGroupLayout;
  readonly #gpu: Gpu;
  readonly #pipeline_layout: GPUPipelineLayout;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    const { device } = gpu;
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

  /** The pipeline of `kernel` for `op`, compiled at the first request. @throws AlignError `gpu_unavailable` */
  get(kernel: Kernel, op: Fields): Promise<GPUComputePipeline> {
    const constants = kernel.constants?.(op, this.#gpu.features) ?? {};
    const key = `${kernel.stem} ${JSON.stringify(constants)}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(kernel.stem, constants);
      this.#pipelines.set(key, pipeline);
      pipeline.catch(() => this.#pipelines.delete(key));
    }
    return pipeline;
  }

  async #compile(stem: string, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
    const { device } = this.#gpu;
    const module = this.#module(stem);
    try {
      return await this.#gpu.surviving(
        device.createComputePipelineAsync({
          label: stem,
          layout: this.#pipeline_layout,
          compute: { module, entryPoint: 'main', constants: { ...constants } },
        }),
      );
    } catch (cause) {
      if (cause instanceof AlignError) throw cause;
      const { messages } = await module.getCompilationInfo();
      const said = messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`).join('; ');
      throw new AlignError(
        'gpu_unavailable',
        `${this.#gpu.description} does not compile the shader ${stem}: ${said || String(cause)}`,
        { detail: { shader: stem }, hint: "use device 'wasm' and report this", cause },
      );
    }
  }

  #module(stem: string): GPUShaderModule {
    const code = shader(stem, this.#gpu.features);
    const known = this.#modules.get(stem);
    const module = known ?? this.#gpu.device.createShaderModule({ label: stem, code });
    this.#modules.set(stem, module);
    return module;
  }
}

/** What one dispatch binds of the record buffer. */
export const RECORD_BINDING = { offset: 0, size: RECORD_BYTES };
