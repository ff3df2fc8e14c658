// What the GPU that align.mjs computes on takes for each op of a tower, and for what goes up and comes back. Runs in the
// worker that align.mjs is open in.

import { describe } from '../dist/index.js';
import { autotune } from '../dist/webgpu/autotune.js';
import { READ, USAGE } from '../dist/webgpu/usage.js';
import { plan_fields } from '../dist/webgpu/dispatches.js';
import { kernels_of } from '../dist/webgpu/kernels/index.js';
import { readback_bytes, tensor_bytes } from '../dist/webgpu/readback.js';
import { opened } from './align.mjs';
import { summary } from './measure.mjs';
import { add, name_of, plan_inputs } from './shapes.mjs';
import { WORK } from './work.mjs';

/** Bytes of weights that go up at once, and that may be on their way: about as the loader sends them. */
const [PIECE, ON_THE_WAY] = [4 * 2 ** 20, 32 * 2 ** 20];

const { executor } = opened().runtime;
const { gpu } = executor;

/** The plan that align.mjs's call for `work` runs. */
function plan_of(work) {
  const { tower, make } = WORK[work];
  const { dims } = make();
  const [height, width] = dims.slice(-2);
  return opened().plan(tower, tower === 'text' ? { tokens: dims[1] } : { height, width });
}

/**
 * Median ms of a tower's ops by the GPU's clock, a pass each.
 * @returns one a shape, the costliest first: { name, kernel, ops, dispatches, macs, time }
 */
export async function time_ops(work, rounds) {
  const plan = plan_of(work);
  const inputs = plan_inputs(WORK[work]);
  const runs = [];
  for (let round = 0; round <= rounds; round++) runs.push(await executor.profile(plan, inputs));
  const tuned = await autotune(gpu); // known already where it was measured
  const fields = plan_fields(plan);
  const shapes = new Map();
  for (const [i, op] of describe(plan).entries()) {
    const kernels = kernels_of(fields[i], gpu.features, tuned).map(({ stem, constants }) => {
      const { THREADS } = constants?.(fields[i], gpu.features) ?? {};
      return stem === 'tile' ? `tile${4 * THREADS}` : stem;
    });
    const { median } = summary(runs.slice(1).map((run) => run[i]));
    const texts = { name: name_of(op), kernel: kernels.join(' + ') };
    const numbers = { ops: 1, dispatches: kernels.length, macs: op.macs, time: median };
    add(shapes, `${texts.name} ${texts.kernel}`, texts, numbers);
  }
  return [...shapes.values()].sort((a, b) => b.time - a.time);
}

/** Bytes, and median ms until the GPU has them or we do, with nothing computed meanwhile. */
export async function transfers(work, rounds) {
  const plan = plan_of(work);
  const inputs = [...plan.inputs.values()].reduce((bytes, tensor) => bytes + tensor_bytes(tensor), 0);
  const { weights } = executor.memory();
  return {
    weights: { bytes: weights, ms: await median(rounds, () => upload(weights)) },
    inputs: { bytes: inputs, ms: await median(rounds, () => upload(inputs)) },
    outputs: { bytes: readback_bytes(plan), ms: await median(rounds, () => readback(readback_bytes(plan))) },
  };
}

async function median(rounds, run) {
  const times = [];
  for (let round = 0; round <= rounds; round++) times.push(await run());
  return summary(times.slice(1)).median;
}

async function upload(bytes) {
  const { queue } = gpu.device;
  const size = Math.min(bytes, PIECE);
  const target = gpu.buffer(size, USAGE.storage | USAGE.copy_dst);
  const data = new Uint8Array(size);
  const start = performance.now();
  for (let at = 0; at < bytes; at += size) {
    queue.writeBuffer(target, 0, data, 0, Math.min(size, bytes - at) & ~3);
    if (at % ON_THE_WAY === 0) await arrived(queue);
  }
  await arrived(queue);
  const ms = performance.now() - start;
  gpu.free(target);
  return ms;
}

/** Waits for what was written: a driver may keep it for the next submit. */
function arrived(queue) {
  queue.submit([]);
  return queue.onSubmittedWorkDone();
}

async function readback(bytes) {
  const { device } = gpu;
  const [from, to] = [USAGE.storage | USAGE.copy_src, USAGE.map_read | USAGE.copy_dst].map((usage) =>
    gpu.buffer(bytes, usage),
  );
  const start = performance.now();
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await to.mapAsync(READ, 0, bytes);
  new Float32Array(to.getMappedRange(0, bytes)).slice();
  const ms = performance.now() - start;
  for (const buffer of [from, to]) gpu.free(buffer);
  return ms;
}
