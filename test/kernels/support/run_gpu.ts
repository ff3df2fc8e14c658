// Lays op records out for a GPU, as a plan of one op would be, and looks at what it made of them. Places lie in guarded
// memory here too: what a kernel reads or writes outside of its operands shows.

import * as layout from '../../../src/host/plan/layout.ts';
import { write_struct } from '../../../src/host/plan/struct.ts';
import type { Instance } from '../../../src/host/wasm/module.ts';
import { Bench, type Image, type Setting } from '../../webgpu/run_images.ts';
import { test_gpu } from './gpu.ts';
import { GuardedMemory } from './memory.ts';
import { place_op, take_results, test_instance, type OpSpec, type Results } from './run_op.ts';

/** An op's image, and its results once a GPU has run it; throws where it wrote elsewhere. */
export interface Laid {
  readonly image: Image;
  readonly results: (arena: Uint8Array) => Results;
}

/** Lays an op out in the memory of `instance`, which is copied. */
export function lay(instance: Instance, { scratch = {}, ...op }: OpSpec): Laid {
  const memory = new GuardedMemory(instance);
  const none = Object.fromEntries(Object.keys(scratch).map((name) => [name, layout.NONE]));
  const placed = place_op(memory, { ...op, fields: { ...op.fields, ...none } });
  const { base } = instance;
  const record = instance.bytes(placed.record, layout.RECORD_BYTES).slice();
  write_struct(record.buffer, 0, layout[op.kind], { weights: placed.weights - base, shard: 0 });
  const image: Image = {
    kind: op.kind,
    record,
    // Something is bound where there are none, too.
    weights: instance.bytes(base, Math.max(256, placed.arena - base)).slice(),
    arena: instance.bytes(placed.arena, memory.end - placed.arena).slice(),
  };
  const results = (arena: Uint8Array): Results => {
    // Other ops were laid out here since.
    instance.ensure(memory.end);
    instance.bytes(placed.arena, arena.length).set(image.arena);
    memory.guard(() => instance.bytes(placed.arena, arena.length).set(arena));
    return take_results(memory, op, placed);
  };
  return { image, results };
}

let bench: Promise<Bench> | undefined;

/** The device of this test file. */
export function test_bench(): Promise<Bench> {
  return (bench ??= Bench.open(test_gpu()));
}

/** Runs ops on the GPU of this test file. */
export async function run_on_gpu(
  ops: readonly OpSpec[],
  setting: Setting = { name: 'as chosen' },
): Promise<Results[]> {
  const instance = await test_instance();
  const laid = ops.map((op) => lay(instance, op));
  const arenas = await (
    await test_bench()
  ).run(
    laid.map(({ image }) => image),
    setting,
  );
  return laid.map(({ results }, i) => results(arenas[i]!));
}

/** Runs one op. */
export async function run_gpu(op: OpSpec, setting?: Setting): Promise<Results> {
  return (await run_on_gpu([op], setting))[0]!;
}
