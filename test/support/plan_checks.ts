// What every plan has to keep: an arena without clashes, a data flow without clobbered operands, weight blocks in order.

import { assert } from 'vitest';
import { describe as describe_plan, type OpDescription } from '../../src/host/plan/describe.ts';
import { ALIGNMENT, LANES, NONE } from '../../src/host/plan/layout.ts';
import { weight_requests, type Plan, type PlanTensor } from '../../src/host/plan/plan.ts';

/** What an op writes; every other operand is read. */
const WRITES: Readonly<Record<string, readonly string[]>> = {
  Gemm: ['scratch', 'gated', 'c'],
  Conv2d: ['scratch', 'out'],
  Depthwise: ['sums', 'out'],
  ExpandDepthwise: ['scratch', 'c'],
  Pool: ['out'],
  Embedding: ['out'],
  LayerNorm: ['out'],
  Attention: ['probs', 'scratch', 'out'],
  Gather: ['out'],
  Normalize: ['out'],
  Similarity: ['out'],
  Quantize: ['out'],
};

export const bytes_of = ({ n, h, w, stride }: PlanTensor): number => n * h * w * stride * 4;

/** An op, or the two in one. */
function halves({ kind, fields, second }: OpDescription): Pick<OpDescription, 'kind' | 'fields'>[] {
  return second
    ? [
        { kind, fields },
        { kind: 'Depthwise', fields: second },
      ]
    : [{ kind, fields }];
}

/** Names of the operands, in the record's order: the fields behind the header. */
function operands(fields: OpDescription['fields']): [name: string, place: number][] {
  return Object.entries(fields)
    .slice(8, 8 + fields.operands!)
    .filter(([, place]) => place !== NONE);
}

/** Follows a plan op by op: what is read must be what was written there last, whole. */
export function check_flow(plan: Plan): void {
  let held = [...plan.inputs.values()];
  for (const op of describe_plan(plan)) {
    const alive = plan.tensors.filter((t) => t.first <= op.index && op.index <= t.last);
    const tensor_at = (place: number): PlanTensor | undefined => alive.find((t) => t.offset === place);
    for (const { kind, fields } of halves(op)) {
      const writes = WRITES[kind]!;
      const in_place = kind === 'Embedding' && fields.accumulate === 1;
      for (const [name, place] of operands(fields)) {
        if (writes.includes(name) && !in_place) continue;
        const tensor = tensor_at(place);
        assert(
          tensor && held.includes(tensor),
          `op ${op.index} ${kind} reads ${name}, which is gone or was never written`,
        );
      }
      for (const [name, place] of operands(fields)) {
        if (!writes.includes(name)) continue;
        const tensor = tensor_at(place);
        assert(tensor, `op ${op.index} ${kind} writes ${name} into no tensor`);
        held = held.filter((t) => t.offset + bytes_of(t) <= place || place + bytes_of(tensor) <= t.offset);
        held.push(tensor);
      }
    }
  }
  for (const [name, tensor] of plan.outputs)
    assert(held.includes(tensor), `output ${name} is gone at the end`);
}

/** Tensors that live at the same time have bytes of their own. */
export function check_arena(plan: Plan): void {
  for (const [i, a] of plan.tensors.entries()) {
    assert.strictEqual(a.offset % ALIGNMENT, 0);
    assert.strictEqual(a.stride % LANES, 0);
    assert(a.stride >= a.c, `rows of ${a.c} are ${a.stride} apart`);
    assert(a.offset + bytes_of(a) <= plan.arena_bytes, `a tensor at ${a.offset} ends behind the arena`);
    for (const b of plan.tensors.slice(0, i)) {
      if (a.last < b.first || b.last < a.first) continue;
      const apart = a.offset + bytes_of(a) <= b.offset || b.offset + bytes_of(b) <= a.offset;
      assert(
        apart,
        `tensors at ${a.offset} (ops ${a.first}–${a.last}) and ${b.offset} (${b.first}–${b.last}) overlap`,
      );
    }
  }
  for (const input of plan.inputs.values()) assert.strictEqual(input.first, -1);
  for (const output of plan.outputs.values()) assert.strictEqual(output.last, plan.length);
}

export function check_blocks(plan: Plan, limit = Infinity): void {
  const blocks = weight_requests(plan);
  const ends = new Map<number, number>();
  const pieces = blocks.flatMap(({ shard, offset, bytes, piece }) =>
    Array.from({ length: Math.ceil(bytes / piece) }, (_, i) => ({
      shard: shard + i,
      offset: i === 0 ? offset : 0,
      bytes: Math.min(piece, bytes - i * piece),
    })),
  );
  for (const { shard, offset, bytes } of pieces) {
    assert.strictEqual(offset % ALIGNMENT, 0);
    assert(offset >= (ends.get(shard) ?? 0), `a block at ${offset} of shard ${shard} overlaps`);
    assert(offset + bytes <= limit, `a block at ${offset} of shard ${shard} ends behind ${limit}`);
    ends.set(shard, offset + bytes);
  }
  const used = pieces.reduce((sum, { bytes }) => sum + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT, 0);
  assert.strictEqual(plan.weight_bytes, used);
  // Every op that has weights finds them at the start of a piece.
  const places = new Set(pieces.map(({ shard, offset }) => `${shard} ${offset}`));
  for (const { kind, fields } of describe_plan(plan))
    if (/Gemm|Conv2d|Depthwise|Embedding|LayerNorm|Similarity/.test(kind))
      assert(places.has(`${fields.shard!} ${fields.weights!}`), `op of no block at ${fields.weights!}`);
}
