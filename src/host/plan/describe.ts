// A plan as text, one op a line, and as numbers, for `inspect --plan` and the benchmarks.

import { AlignError, show } from '../errors.ts';
import * as layout from './layout.ts';
import type { Plan, PlanTensor } from './plan.ts';
import { read_struct } from './struct.ts';

/** One op of a plan. */
export interface OpDescription {
  readonly index: number;
  /** The kernel: Gemm, Depthwise … */
  readonly kind: string;
  /** The layer, by its name in the checkpoint. */
  readonly name: string;
  /** Multiply-accumulates. */
  readonly macs: number;
  /** All fields of the record. */
  readonly fields: Readonly<Record<string, number>>;
  /** Those of the Depthwise in its second half, where it is two in one. */
  readonly second: Readonly<Record<string, number>> | null;
  /** Output shape, pads left out. */
  readonly shape: string;
  /** Byte offset of the output in the arena. */
  readonly offset: number;
}

const KINDS = Object.entries(layout.Kind) as [keyof typeof layout.Kind, number][];
const ACTIVATIONS = Object.keys(layout.Activation);
const FORMATS = Object.keys(layout.Format);
const HEADER_WORDS = layout.Op.size / 4;

/** Every op of a plan. @throws AlignError `invalid_argument` */
export function describe(plan: Plan): OpDescription[] {
  if (!((plan as Plan | null | undefined)?.ops instanceof Uint8Array))
    throw new AlignError('invalid_argument', `A plan is needed, not ${show(plan)}`);
  const outputs = new Map<string, PlanTensor>();
  for (const tensor of plan.tensors) outputs.set(`${tensor.first} ${tensor.offset}`, tensor);
  return Array.from({ length: plan.length }, (_, index) => {
    const { buffer, byteOffset } = plan.ops;
    const at = byteOffset + index * layout.RECORD_BYTES;
    const head = read_struct(buffer, at, layout.Op);
    const kind = KINDS.find(([, value]) => value === head.kind)![0];
    const second = read_struct(buffer, at + layout.HALF, layout.Op);
    const two = second.kind !== 0;
    const words = new Uint32Array(buffer, two ? at + layout.HALF : at, layout.HALF / 4);
    const offset = words[HEADER_WORDS + (two ? second : head).operands - 1]!;
    const tensor =
      outputs.get(`${index} ${offset}`) ??
      plan.tensors.find((t) => t.offset === offset && t.first <= index && index <= t.last);
    return {
      index,
      kind,
      name: two ? `${plan.names[head.name]!} + ${plan.names[second.name]!}` : plan.names[head.name]!,
      macs: macs(head) + macs(second),
      fields: read_struct(buffer, at, layout[kind]),
      second: two ? read_struct(buffer, at + layout.HALF, layout.Depthwise) : null,
      shape: tensor ? shape(tensor) : '',
      offset,
    };
  });
}

/** Multiply-accumulates of a whole plan. */
export function plan_macs(plan: Plan): number {
  return describe(plan).reduce((sum, op) => sum + op.macs, 0);
}

function macs({ macs_low, macs_high }: { macs_low: number; macs_high: number }): number {
  return macs_low + macs_high * 2 ** 32;
}

/** The plan as aligned text: op, kernel, output shape, arena offset, MACs, layer; then the totals. */
export function plan_text(plan: Plan): string {
  const ops = describe(plan);
  const rows = ops.map((op) => [
    String(op.index),
    kernel(op),
    op.shape,
    String(op.offset),
    op.macs.toLocaleString('en-US'),
    op.name,
  ]);
  const table = align_columns([['op', 'kernel', 'output', 'offset', 'MACs', 'layer'], ...rows]);
  const total_macs = ops.reduce((sum, op) => sum + op.macs, 0);
  const total = `${plan.length} ops, ${total_macs.toLocaleString('en-US')} MACs, arena ${plan.arena_bytes.toLocaleString('en-US')} bytes, weights ${plan.weight_bytes.toLocaleString('en-US')} bytes`;
  return `${table}\n${total}\n`;
}

function shape({ n, h, w, c }: PlanTensor): string {
  return h * w === 1 ? `${n}×${c}` : `${n}×${h}×${w}×${c}`;
}

function kernel({ kind, fields, second }: OpDescription): string {
  const parts = [kind];
  const { kernel, stride } = second ?? fields;
  if (kernel !== undefined) parts.push(`${kernel}×${kernel}/${stride!}`);
  if (fields.format) parts.push(FORMATS[fields.format]!);
  if (fields.activation) parts.push(ACTIVATIONS[fields.activation]!);
  if (fields.residual !== undefined && fields.residual !== layout.NONE) parts.push('+residual');
  return parts.join(' ');
}

function align_columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const right = new Set([0, 3, 4]);
  return rows
    .map((row) =>
      row
        .map((cell, i) => (right.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
