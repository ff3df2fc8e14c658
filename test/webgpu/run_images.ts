// Runs ops that were laid out elsewhere (test/kernels/support/run_gpu.ts) on the GPU of whatever runtime this is in: the
// part of the kernel table that is bundled for browsers and Deno.
//
//   weights  | image 0 | image 1 | …      each bound where its places count from, and no further than it goes
//   arenas   | image 0 | image 1 | …      one submit and one readback for all

import { read_struct } from '../../src/host/plan/struct.ts';
import * as layout from '../../src/host/plan/layout.ts';
import { Gpu } from '../../src/host/webgpu/device.ts';
import { READ, USAGE } from '../../src/host/webgpu/usage.ts';
import { gemm } from '../../src/host/webgpu/kernels/gemm.ts';
import { gemv } from '../../src/host/webgpu/kernels/gemv.ts';
import { kernels_of } from '../../src/host/webgpu/kernels/index.ts';
import type { Fields, Kernel } from '../../src/host/webgpu/kernels/kernel.ts';
import { tile } from '../../src/host/webgpu/kernels/tile.ts';
import { Pipelines } from '../../src/host/webgpu/pipelines.ts';
import type { Features } from '../../src/host/webgpu/shader.ts';

/** An op in memory: its record, whose places count from the starts of the other two. */
export interface Image {
  readonly kind: keyof typeof layout.Kind;
  readonly record: Uint8Array;
  readonly weights: Uint8Array;
  readonly arena: Uint8Array;
}

/** Kernels that a product can be forced to. */
export const PRODUCTS: Readonly<Record<string, Kernel>> = { gemm, gemv, tile32: tile(8), tile64: tile(16) };

/** How shaders are put together and chosen: `features` are those that the device has among these, or all it has. */
export interface Setting {
  readonly name: string;
  readonly features?: Partial<Features>;
  /** One of PRODUCTS, for all products but those of 8-bit integers. */
  readonly product?: string;
}

/** A device, and its pipelines in each setting. */
export class Bench {
  readonly gpu: Gpu;
  readonly #settings = new Map<string, { gpu: Gpu; pipelines: Pipelines }>();

  private constructor(gpu: Gpu) {
    this.gpu = gpu;
  }

  static async open(gpu: GPU): Promise<Bench> {
    return new Bench(await Gpu.open(gpu, { variants: true }));
  }

  /** The pipelines compiled so far. */
  get pipelines(): number {
    return Array.from(this.#settings.values()).reduce((sum, { pipelines }) => sum + pipelines.size, 0);
  }

  async #setting({ features }: Setting): Promise<{ gpu: Gpu; pipelines: Pipelines }> {
    const wanted: Features = { ...this.gpu.features, ...features };
    for (const flag of ['f16', 'subgroups', 'packed_dot'] as const)
      if (wanted[flag] && !this.gpu.features[flag]) throw new Error(`${this.gpu.description} has no ${flag}`);
    const key = JSON.stringify(wanted);
    let found = this.#settings.get(key);
    if (!found) {
      // The same device under other flags.
      const gpu = await Gpu.open(this.gpu.device);
      Object.defineProperty(gpu, 'features', { value: wanted });
      found = { gpu, pipelines: new Pipelines(gpu) };
      this.#settings.set(key, found);
    }
    return found;
  }

  /** The arenas after their ops ran. */
  async run(images: readonly Image[], setting: Setting): Promise<Uint8Array[]> {
    const { gpu, pipelines } = await this.#setting(setting);
    const dispatches = await Promise.all(
      images.map(async (image) => {
        const { buffer, byteOffset } = image.record;
        const fields: Fields = read_struct(buffer as ArrayBuffer, byteOffset, layout[image.kind]);
        return Promise.all(
          kernels(fields, setting, gpu.features).map(async (kernel) => ({
            pipeline: await pipelines.get(kernel, fields),
            workgroups: kernel.workgroups(fields, gpu.features),
          })),
        );
      }),
    );
    const { copy_dst, copy_src, storage, uniform, map_read } = USAGE;
    const places = {
      weights: spread(images.map(({ weights }) => weights.length)),
      arenas: spread(images.map(({ arena }) => arena.length)),
    };
    const buffers = await gpu.checked('test', () => ({
      records: gpu.buffer(images.length * layout.RECORD_BYTES, uniform | copy_dst),
      weights: gpu.buffer(places.weights.size, storage | copy_dst),
      arenas: gpu.buffer(places.arenas.size, storage | copy_dst | copy_src),
      readback: gpu.buffer(places.arenas.size, map_read | copy_dst),
    }));
    const { records, weights, arenas, readback } = buffers;
    await gpu.checked('test', () => {
      const { device } = gpu;
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      images.forEach((image, i) => {
        const at = { weights: places.weights.at[i]!, arena: places.arenas.at[i]! };
        write(device.queue, records, i * layout.RECORD_BYTES, image.record);
        write(device.queue, weights, at.weights, image.weights);
        write(device.queue, arenas, at.arena, image.arena);
        const group = device.createBindGroup({
          layout: pipelines.layout,
          entries: [
            { binding: 0, resource: { buffer: records, size: layout.RECORD_BYTES } },
            { binding: 1, resource: { buffer: arenas, offset: at.arena, size: image.arena.length } },
            { binding: 2, resource: { buffer: weights, offset: at.weights, size: image.weights.length } },
          ],
        });
        for (const { pipeline, workgroups } of dispatches[i]!) {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, group, [i * layout.RECORD_BYTES]);
          pass.dispatchWorkgroups(...workgroups);
        }
      });
      pass.end();
      encoder.copyBufferToBuffer(arenas, 0, readback, 0, places.arenas.size);
      device.queue.submit([encoder.finish()]);
    });
    await gpu.surviving(() => readback.mapAsync(READ));
    const all = new Uint8Array(readback.getMappedRange()).slice();
    for (const buffer of Object.values(buffers)) gpu.free(buffer);
    return images.map(({ arena }, i) =>
      all.subarray(places.arenas.at[i], places.arenas.at[i]! + arena.length),
    );
  }

  close(): void {
    this.gpu.close();
  }
}

function kernels(fields: Fields, { product }: Setting, features: Features): readonly Kernel[] {
  const forced =
    product !== undefined && fields.kind === layout.Kind.Gemm && fields.format !== layout.Format.Q8D;
  return forced ? [PRODUCTS[product]!] : kernels_of(fields, features);
}

/** Where pieces of `sizes` bytes go, 256 bytes apart at least, and the sum. */
function spread(sizes: readonly number[]): { at: number[]; size: number } {
  let size = 0;
  const at = sizes.map((bytes) => {
    const start = size;
    size += Math.ceil(bytes / 256) * 256;
    return start;
  });
  return { at, size };
}

function write(queue: GPUQueue, buffer: GPUBuffer, offset: number, bytes: Uint8Array): void {
  queue.writeBuffer(buffer, offset, bytes as Uint8Array<ArrayBuffer>);
}
