// The kernels for products of many rows, each by itself: the register tile and the two that go through shared memory. Runs
// in a browser's worker.

import * as layout from '../dist/plan/layout.js';
import { write_struct } from '../dist/plan/struct.js';
import { READ, USAGE } from '../dist/webgpu/usage.js';
import webgpu from '../dist/webgpu/index.js';
import { TILES } from '../dist/webgpu/kernels/gemm.js';
import { Pipelines } from '../dist/webgpu/pipelines.js';
import { alternate, difference, make_random } from './measure.mjs';

/** Ms that a measurement takes at least: a dispatch of a real GPU is over before a clock that browsers give ticks. */
const ABOUT = 30;
const MOST_REPEATS = 500;

/** Where a, c and the weights in F32 lie. */
function product(m, k, n) {
  const { NONE } = layout;
  const op = { m, n, k, lda: k, ldr: n, ldc: n, a: 0, c: m * k * 4, weights: 0, pixels: 1, activation: 0 };
  return { ...op, kind: layout.Kind.Gemm, format: layout.Format.F32, gate: NONE, residual: NONE };
}

function random_floats(count) {
  const random = make_random(3);
  return Float32Array.from({ length: count }, () => random() / 2 ** 32 - 0.5);
}

/** The records, a before c, the weights, and where c is copied for reading. */
function buffers_for(gpu, op) {
  const { m, n, k } = op;
  const { storage, uniform, copy_src, copy_dst, map_read } = USAGE;
  const record = new Uint8Array(layout.RECORD_BYTES);
  write_struct(record.buffer, 0, layout.Gemm, op);
  const weights = random_floats(Math.ceil(n / layout.NR) * layout.NR * (k + 1));
  const made = [
    [record, record.length, uniform],
    [random_floats(m * k), (m * k + m * n) * 4, storage | copy_src],
    [weights, weights.byteLength, storage],
  ].map(([data, bytes, usage]) => {
    const buffer = gpu.buffer(bytes, usage | copy_dst);
    gpu.device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  });
  return [...made, gpu.buffer(m * n * 4, map_read | copy_dst)];
}

/** Ms of `repeats` dispatches, a dispatch. */
async function time(gpu, pipeline, workgroups, group, repeats) {
  const { device } = gpu;
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group, [0]);
  for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(...workgroups);
  pass.end();
  const start = performance.now();
  device.queue.submit([encoder.finish()]);
  await gpu.surviving(device.queue.onSubmittedWorkDone());
  return (performance.now() - start) / repeats;
}

async function read(gpu, { m, n, c }, arena, readback) {
  const encoder = gpu.device.createCommandEncoder();
  encoder.copyBufferToBuffer(arena, c, readback, 0, m * n * 4);
  gpu.device.queue.submit([encoder.finish()]);
  await gpu.surviving(readback.mapAsync(READ));
  const values = new Float32Array(readback.getMappedRange().slice(0));
  readback.unmap();
  return values;
}

/**
 * Times the kernels in turn on a product of [m, k] and [k, n].
 * @returns a kernel each: { kernel, best, median } in ms, and of all but the first the `difference` of their results from its
 */
export async function race([m, k, n], rounds, budget) {
  const gpu = await webgpu.open(navigator.gpu);
  try {
    const op = product(m, k, n);
    const pipelines = new Pipelines(gpu);
    const buffers = buffers_for(gpu, op);
    const [, arena, , readback] = buffers;
    const entries = buffers.slice(0, 3).map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = gpu.device.createBindGroup({ layout: pipelines.layout, entries });
    const contestants = [];
    for (const [kernel, { workgroups }] of Object.entries(TILES)) {
      const pipeline = await pipelines.get(TILES[kernel], op);
      const run = (repeats) => time(gpu, pipeline, workgroups(op, gpu.features), group, repeats);
      await run(1); // compiles, on some drivers
      const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.ceil(ABOUT / (await run(1)))));
      contestants.push({ kernel, values: await read(gpu, op, arena, readback), run: () => run(repeats) });
    }
    const times = await alternate(
      contestants.map(({ run }) => run),
      rounds,
      budget,
    );
    return contestants.map(({ kernel, values }, i) => ({
      kernel,
      ...times[i],
      ...(i > 0 && { difference: difference(contestants[0].values, values) }),
    }));
  } finally {
    gpu.close();
  }
}
