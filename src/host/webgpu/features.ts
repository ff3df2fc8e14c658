// What of a device may be used: what it says that it has, as far as it gives a known answer with it.

import { unless_aborted } from '../abort.ts';
import { AlignError } from '../errors.ts';
import type { Gpu } from './device.ts';
import type { Features } from './shader.ts';
import { READ, USAGE } from './usage.ts';

/** 64 lanes read two words each, and write one. */
const LANES = 64;

type Probe = readonly [code: string, answer: (a: number, b: number, lane: number) => number];

const head = (enable: string, more = ''): string => `${enable}
@group(0) @binding(0) var<storage, read> given: array<vec2<u32>, ${LANES}>;
@group(0) @binding(1) var<storage, read_write> answer: array<u32, ${LANES}>;
${more}
@compute @workgroup_size(${LANES}) fn main(@builtin(local_invocation_index) lane: u32`;

const bytes = (word: number): number[] => [0, 8, 16, 24].map((shift) => (word << (24 - shift)) >> 24);

const PACKED_DOT: Probe = [
  `${head('')}) { answer[lane] = bitcast<u32>(dot4I8Packed(given[lane].x, given[lane].y)); }`,
  (a, b) => bytes(a).reduce((sum, value, i) => sum + value * bytes(b)[i]!, 0),
];

// As widen.wgsl reads two weights at once; 8-bit integers are exact in 16-bit floats.
const F16: Probe = [
  `${head('enable f16;')}) {
     let x = pack2x16float(vec2<f32>(vec2<u32>(given[lane].x & 255u, given[lane].y & 255u)));
     let y = vec2<f32>(bitcast<vec2<f16>>(x));
     answer[lane] = u32(y.x) + 4096u * u32(y.y);
   }`,
  (a, b) => (a & 255) + 4096 * (b & 255),
];

// However wide subgroups are: sums of theirs add up to the workgroup's, and the largest of their largest is its largest.
const SUBGROUPS: Probe = [
  `${head('enable subgroups;', 'var<workgroup> sum: atomic<u32>; var<workgroup> most: atomic<u32>;')}) {
     let x = given[lane].x & 4095u;
     let own = subgroupAdd(x);
     let largest = subgroupMax(f32(x));
     if (subgroupElect()) { atomicAdd(&sum, own); atomicMax(&most, u32(largest)); }
     workgroupBarrier();
     answer[lane] = atomicLoad(&sum) + 1048576u * (atomicLoad(&most) & 4095u);
   }`,
  () => {
    const all = given_words().filter((_, i) => i % 2 === 0);
    const values = Array.from(all, (word) => word & 4095);
    return values.reduce((a, b) => a + b) + 1048576 * Math.max(...values);
  },
];

/** What `gpu` says that it has and gives right answers with. @throws AlignError `device_lost`, `aborted` */
export async function usable_features(
  gpu: Gpu,
  language: ReadonlySet<string> | undefined,
  signal?: AbortSignal,
): Promise<Features> {
  const { device, features } = gpu;
  const right = (said: boolean, probe: Probe): Promise<boolean> =>
    said ? unless_aborted(answers(gpu, probe), signal) : Promise.resolve(false);
  const [f16, subgroups, packed_dot] = await Promise.all([
    right(device.features.has('shader-f16'), F16),
    right(device.features.has('subgroups'), SUBGROUPS),
    // Nobody knows what language an injected device speaks: it is asked.
    right(language?.has('packed_4x8_integer_dot_product') ?? true, PACKED_DOT),
  ]);
  return { ...features, f16, subgroups, packed_dot };
}

/** Whether a shader compiles, runs and gives the known answer. */
async function answers(gpu: Gpu, [code, answer]: Probe): Promise<boolean> {
  const words = given_words();
  const { storage, copy_src, copy_dst, map_read } = USAGE;
  const buffers: GPUBuffer[] = [];
  const buffer = (size: number, usage: number): GPUBuffer => {
    buffers.push(gpu.buffer(size, usage));
    return buffers.at(-1)!;
  };
  try {
    const got = await gpu.checked('trying a feature', () => {
      const { device } = gpu;
      const module = device.createShaderModule({ code });
      const pipeline = device.createComputePipeline({
        layout: 'auto',
        compute: { module, entryPoint: 'main' },
      });
      const from = buffer(words.byteLength, storage | copy_dst);
      const to = buffer(LANES * 4, storage | copy_src);
      const out = buffer(LANES * 4, map_read | copy_dst);
      device.queue.writeBuffer(from, 0, words);
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [from, to].map((own, binding) => ({ binding, resource: { buffer: own } })),
      });
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(1);
      pass.end();
      encoder.copyBufferToBuffer(to, 0, out, 0, LANES * 4);
      device.queue.submit([encoder.finish()]);
      return out;
    });
    await gpu.surviving(() => got.mapAsync(READ));
    const right = new Uint32Array(got.getMappedRange());
    return right.every((word, i) => word === answer(words[2 * i]!, words[2 * i + 1]!, i) >>> 0);
  } catch (error) {
    // What a device cannot compile or run it does not have.
    if (error instanceof AlignError && error.code === 'trap') return false;
    throw error;
  } finally {
    for (const own of buffers) gpu.free(own);
  }
}

/** Two words a lane with every byte value among them; the first pairs are the extremes. */
function given_words(): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(2 * LANES);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  words.set([0x80808080, 0x80808080, 0x80808080, 0x7f7f7f7f]);
  return words;
}
