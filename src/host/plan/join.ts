// Several plans as one: their records one behind the other, their arenas side by side, and what one hands on to another
// read where it was written. A GPU then has one submit and one readback for a whole call.

import { HALF, NONE, Op, RECORD_BYTES } from './layout.ts';
import type { Plan, PlanTensor } from './plan.ts';

/** A plan of several, by the names that its tensors get in front: 'text.features'. */
export interface Joined {
  readonly name: string;
  readonly plan: Plan;
  /** Inputs that are outputs of plans before it, by name: { text_features: 'text.features' }. */
  readonly links?: Readonly<Record<string, string>>;
}

const WORDS = RECORD_BYTES / 4;
const [KIND, NAME, OPERANDS] = [Op.fields.kind, Op.fields.name, Op.fields.operands].map(([at]) => at / 4) as [
  number,
  number,
  number,
];
const FIRST_OPERAND = Op.size / 4;

/** The plans as one that runs all of them in order. Weights are where they were. */
export function join_plans(parts: readonly Joined[]): Plan {
  const names: string[] = [];
  const tensors: PlanTensor[] = [];
  const inputs = new Map<string, PlanTensor>();
  const outputs = new Map<string, PlanTensor>();
  const end = parts.reduce((sum, { plan }) => sum + plan.length, 0);
  const ops = new Uint32Array(end * WORDS);
  let [length, arena_bytes] = [0, 0];
  for (const { name: prefix, plan, links = {} } of parts) {
    const at = { op: length, arena: arena_bytes };
    const linked: { from: PlanTensor; to: PlanTensor }[] = [];
    for (const tensor of plan.tensors) {
      const [input, output] = [plan.inputs, plan.outputs].map((all) => all.get(tensor.name) === tensor);
      const link = input ? links[tensor.name] : undefined;
      if (link !== undefined) {
        linked.push({ from: tensor, to: outputs.get(link)! });
        continue;
      }
      const moved = {
        ...tensor,
        offset: tensor.offset + at.arena,
        first: input ? tensor.first : tensor.first + at.op,
        last: output ? end : tensor.last + at.op,
      };
      tensors.push(moved);
      if (input) inputs.set(`${prefix}.${tensor.name}`, moved);
      if (output) outputs.set(`${prefix}.${tensor.name}`, moved);
    }
    const place = (op: number, offset: number): number => {
      const link = linked.find(({ from }) => from.offset === offset && op <= from.last);
      return link ? link.to.offset : offset + at.arena;
    };
    ops.set(new Uint32Array(plan.ops.slice().buffer), length * WORDS);
    for (let op = 0; op < plan.length; op++)
      for (const half of [0, HALF / 4]) {
        const record = ops.subarray((length + op) * WORDS + half, (length + op + 1) * WORDS);
        if (record[KIND] === 0) continue; // no second op
        record[NAME]! += names.length;
        for (let i = FIRST_OPERAND; i < FIRST_OPERAND + record[OPERANDS]!; i++)
          if (record[i] !== NONE) record[i] = place(op, record[i]!);
      }
    names.push(...plan.names);
    length += plan.length;
    arena_bytes += plan.arena_bytes;
  }
  const { requests, sources, weight_bytes, next } = parts.at(-1)!.plan;
  return {
    ops: new Uint8Array(ops.buffer),
    ...{ length, names, tensors, inputs, outputs, arena_bytes },
    ...{ requests, sources, weight_bytes, next },
  };
}
