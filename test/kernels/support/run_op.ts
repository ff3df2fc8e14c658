// Runs one op record on an instance of align.wasm, as a plan of one op would be run.

import * as layout from '../../../src/host/plan/layout.ts';
import { write_struct, type Struct } from '../../../src/host/plan/struct.ts';
import { compile, Instance } from '../../../src/host/wasm/module.ts';
import { expect_same_bits } from './compare.ts';
import { GuardedMemory } from './memory.ts';
import { pack_block, round_up, type Block } from './weights.ts';

/** Dense rows [data.length / width, width]; in memory their stride is a multiple of 4 and pad lanes are zeros. */
export interface Rows {
  readonly data: Float32Array | Int32Array;
  readonly width: number;
}

/** An op: its record's fields by name, but for the places of operands and weights. */
export interface OpSpec {
  readonly kind: keyof typeof layout.Kind;
  readonly fields: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, Rows>>;
  /** Results [rows, width]; `initial` is what an op that works in place finds there. */
  readonly outputs: Readonly<Record<string, { rows: number; width: number; initial?: Float32Array }>>;
  /** Bytes of its scratch, by field name. */
  readonly scratch?: Readonly<Record<string, number>>;
  readonly weights?: Block;
  /** The second of two in one; inputs, outputs and scratch are of both. */
  readonly second?: Pick<OpSpec, 'kind' | 'fields' | 'weights'>;
}

/** Dense results by field name. */
export type Results = Readonly<Record<string, Float32Array>>;

const PARTS = [1, 2, 3, 5];

let instance: Promise<Instance> | undefined;

/** The instance of this test file. */
export function test_instance(): Promise<Instance> {
  return (instance ??= compile().then((module) => new Instance(module)));
}

/** Runs the op in 1, 2, 3 and 5 parts, which must give the same bits. */
export async function run_op(op: OpSpec, weight_step?: number): Promise<Results> {
  const one = run_parts(await test_instance(), op, 1, weight_step);
  for (const parts of PARTS.slice(1)) {
    const results = run_parts(await test_instance(), op, parts);
    for (const [name, result] of Object.entries(results))
      expect_same_bits(result, one[name]!, `${name} in ${parts} parts`);
  }
  return one;
}

/** The op's one result. */
export async function result_of(op: OpSpec): Promise<Float32Array> {
  return Object.values(await run_op(op))[0]!;
}

/** Where an op was laid out in memory. */
export interface PlacedOp {
  readonly weights: number;
  readonly record: number;
  /** What the record's places count from. */
  readonly arena: number;
  readonly places: Readonly<Record<string, number>>;
}

/** Runs the op in `parts` parts, one after another. */
export function run_parts(instance: Instance, op: OpSpec, parts: number, weight_step?: number): Results {
  const memory = new GuardedMemory(instance);
  const placed = place_op(memory, op, weight_step);
  instance.exports.bind(placed.weights, placed.arena);
  memory.guard(() => {
    for (let part = 0; part < parts; part++) instance.exports.execute(placed.record, 0, 1, part, parts);
  });
  return take_results(memory, op, placed);
}

/** Packs the op's weights, writes its inputs and its record. */
export function place_op(memory: GuardedMemory, op: OpSpec, weight_step?: number): PlacedOp {
  const { instance } = memory;
  const weights = op.weights ? pack_block(memory, op.weights, weight_step) : instance.base;
  const second_weights = op.second?.weights ? pack_block(memory, op.second.weights, weight_step) : weights;
  const record = memory.place(layout.RECORD_BYTES);
  const arena = record;
  const places: Record<string, number> = {};
  for (const [name, { data, width }] of Object.entries(op.inputs)) {
    const at = memory.place((data.length / width) * round_up(width) * 4);
    write_rows(instance, at, data, width);
    places[name] = at - arena;
  }
  for (const [name, { rows, width, initial }] of Object.entries(op.outputs)) {
    const at = memory.result(rows * round_up(width) * 4);
    if (initial) write_rows(instance, at, initial, width);
    places[name] = at - arena;
  }
  for (const [name, bytes] of Object.entries(op.scratch ?? {})) places[name] = memory.result(bytes) - arena;
  instance.bytes(record, layout.RECORD_BYTES).fill(0);
  write_record(instance, record, op, places, 0);
  if (op.second) write_record(instance, record + layout.HALF, op.second, places, second_weights - weights);
  return { weights, record, arena, places };
}

/** Dense results of an op that ran. */
export function take_results(memory: GuardedMemory, op: OpSpec, { places, arena }: PlacedOp): Results {
  return Object.fromEntries(
    Object.entries(op.outputs).map(([name, { rows, width }]) => [
      name,
      memory.take(places[name]! + arena, rows, width, round_up(width)),
    ]),
  );
}

/** Writes a record, or half of one, with those of `places` that it has a field for. */
function write_record(
  instance: Instance,
  at: number,
  { kind, fields }: Pick<OpSpec, 'kind' | 'fields'>,
  places: Readonly<Record<string, number>>,
  weights: number,
): void {
  const struct: Struct = layout[kind];
  const own = Object.fromEntries(Object.entries(places).filter(([name]) => name in struct.fields));
  const header = { kind: layout.Kind[kind], operands: Object.keys(own).length, weights };
  write_struct(instance.memory.buffer, at, struct, { ...header, ...fields, ...own });
}

function write_rows(instance: Instance, at: number, data: Float32Array | Int32Array, width: number): void {
  const stride = round_up(width);
  const rows = data.length / width;
  const to = new (data instanceof Float32Array ? Float32Array : Int32Array)(
    instance.memory.buffer,
    at,
    rows * stride,
  );
  to.fill(0);
  for (let i = 0; i < rows; i++) to.set(data.subarray(i * width, (i + 1) * width), i * stride);
}
