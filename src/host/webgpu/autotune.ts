// Which kernel multiplies fastest on a GPU: a short measurement, once for every adapter. GPUs differ too much in caches
// and registers for a rule, and a wrong choice costs time only, so whatever goes wrong here leaves the default.

import * as layout from '../plan/layout.ts';
import { write_struct } from '../plan/struct.ts';
import type { Gpu } from './device.ts';
import { TILES } from './kernels/gemm.ts';
import type { Fields, Kernel, Workgroups } from './kernels/kernel.ts';
import { Pipelines } from './pipelines.ts';
import { READ, USAGE } from './usage.ts';

type Choice = keyof typeof TILES;

/** Kernels for products with few and with many squares of 64 × 64 results. */
export interface Tuned {
  readonly small: Choice;
  readonly large: Choice;
}

export const UNTUNED: Tuned = { small: 'tile32', large: 'tile64' };

/** A layer of the text tower for one text, and an expansion of the vision tower's: [m, n, k]. */
const SHAPES = { small: [64, 768, 768], large: [2048, 480, 160] } as const;

/** Milliseconds that the slowest kernel is measured for, and that one dispatch of it may take before all is called off. */
const ABOUT = 6;
const TOO_LONG = 25;

const MOST_REPEATS = 32;

const known = new Map<string, Promise<Tuned>>();

/** The choice for `gpu`, measured at the first call for an adapter of its description; never an error. */
export function autotune(gpu: Gpu): Promise<Tuned> {
  if (gpu.features.software) return Promise.resolve(UNTUNED);
  const { description } = gpu;
  let tuned = known.get(description);
  if (!tuned) {
    tuned = measure(gpu).catch(() => {
      known.delete(description);
      return UNTUNED;
    });
    known.set(description, tuned);
  }
  return tuned;
}

/** A kernel to be timed at a size. */
interface Trial {
  readonly choice: Choice;
  readonly pipeline: GPUComputePipeline;
  readonly workgroups: Workgroups;
}

/** @throws AlignError when the GPU refuses something or is lost */
async function measure(gpu: Gpu): Promise<Tuned> {
  const pipelines = new Pipelines(gpu);
  const made: (() => void)[] = [];
  try {
    const best = async (m: number, n: number, k: number): Promise<Choice | null> => {
      const op = product(m, n, k);
      const choices = Object.entries(TILES) as [Choice, Kernel][];
      const trials = choices.map(async ([choice, kernel]): Promise<Trial> => {
        const workgroups = kernel.workgroups(op, gpu.features);
        return { choice, workgroups, pipeline: await pipelines.get(kernel, op) };
      });
      return fastest(await Promise.all(trials), await stopwatch(gpu, pipelines.layout, op, made));
    };
    const small = await best(...SHAPES.small);
    const large = small && (await best(...SHAPES.large));
    return small && large ? { small, large } : UNTUNED;
  } finally {
    for (const free of made) free();
  }
}

/** a at the arena's beginning, c behind it, weights in F32 at the beginning of theirs. */
function product(m: number, n: number, k: number): Fields {
  const { NONE } = layout;
  const op = { m, n, k, lda: k, ldr: n, ldc: n, a: 0, c: m * k * 4, weights: 0, pixels: 1, activation: 0 };
  return { ...op, kind: layout.Kind.Gemm, format: layout.Format.F32, gate: NONE, residual: NONE };
}

/** Milliseconds that `repeats` dispatches take. */
type Stopwatch = (trial: Trial, repeats: number) => Promise<number>;

/**
 * The kernel of the shortest of two measurements, taken in turns; null where one takes too long. A first dispatch, which
 * some drivers compile in, says nothing; the next says how often a kernel can run.
 */
async function fastest(trials: readonly Trial[], time: Stopwatch): Promise<Choice | null> {
  let slowest = 0;
  for (const trial of trials) {
    if ((await time(trial, 1)) > TOO_LONG * 4) return null;
    slowest = Math.max(slowest, await time(trial, 1));
    if (slowest > TOO_LONG) return null;
  }
  const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.floor(ABOUT / slowest)));
  let [least, choice]: [number, Choice] = [Infinity, trials[0]!.choice];
  for (let round = 0; round < 2; round++)
    for (const trial of trials) {
      const ms = await time(trial, repeats);
      if (ms < least) [least, choice] = [ms, trial.choice];
    }
  return choice;
}

/** Timestamps where the device has them, else the time until the queue is empty. `made` gets what frees it. */
async function stopwatch(
  gpu: Gpu,
  bind_group_layout: GPUBindGroupLayout,
  op: Fields,
  made: (() => void)[],
): Promise<Stopwatch> {
  const { device } = gpu;
  const { m, n, k, c } = op as Record<'m' | 'n' | 'k' | 'c', number>;
  const record = new Uint8Array(layout.RECORD_BYTES);
  write_struct(record.buffer, 0, layout.Gemm, op);
  const { copy_dst, copy_src, map_read, query_resolve, storage, uniform } = USAGE;
  const [group, stamps] = await gpu.checked('measuring kernels', () => {
    const buffer = (bytes: number, usage: number): GPUBuffer => {
      const created = gpu.buffer(bytes, usage);
      made.push(() => gpu.free(created));
      return created;
    };
    const bound = [
      buffer(record.length, uniform | copy_dst),
      buffer(c + m * n * 4, storage),
      buffer(Math.ceil(n / layout.NR) * layout.NR * (k + 1) * 4, storage),
    ];
    device.queue.writeBuffer(bound[0]!, 0, record);
    const entries = bound.map((bytes, binding) => ({ binding, resource: { buffer: bytes } }));
    const set =
      device.features.has('timestamp-query') && device.createQuerySet({ type: 'timestamp', count: 2 });
    if (set) made.push(() => set.destroy());
    const timed = set && {
      set,
      resolved: buffer(16, query_resolve | copy_src),
      read: buffer(16, map_read | copy_dst),
    };
    return [device.createBindGroup({ layout: bind_group_layout, entries }), timed] as const;
  });

  return async ({ pipeline, workgroups }, repeats) => {
    const encoder = device.createCommandEncoder();
    const writes = stamps && { querySet: stamps.set, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    const pass = encoder.beginComputePass(writes ? { timestampWrites: writes } : {});
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group, [0]);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(...workgroups);
    pass.end();
    if (stamps) {
      encoder.resolveQuerySet(stamps.set, 0, 2, stamps.resolved, 0);
      encoder.copyBufferToBuffer(stamps.resolved, 0, stamps.read, 0, 16);
    }
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    if (!stamps) {
      await gpu.surviving(device.queue.onSubmittedWorkDone());
      return performance.now() - start;
    }
    await gpu.surviving(stamps.read.mapAsync(READ, 0, 16));
    const [begun, ended] = new BigUint64Array(stamps.read.getMappedRange(0, 16).slice(0));
    stamps.read.unmap();
    return Number(ended! - begun!) / 1e6;
  };
}
