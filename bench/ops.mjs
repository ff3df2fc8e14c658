// Times a plan op by op and sums up by shape and by class.

import { describe } from 'align-wasm';
import { Activation, RECORD_BYTES } from '../dist/plan/layout.js';
import * as layout from '../dist/plan/layout.js';

const ACTIVATIONS = Object.keys(Activation);

/** What make_models.py calls an op of this shape. */
function name_of({ kind, fields: f }) {
  switch (kind) {
    case 'Gemm':
      return `gemm_${f.m}_${f.k}_${f.n}`;
    case 'Conv2d':
      return `conv2d_${f.in_h}_${f.n}_${f.kernel}_${f.stride}`;
    case 'Depthwise':
      return `depthwise_${f.in_h}_${f.channels}_${f.kernel}_${f.stride}`;
    case 'Pool':
      return `pool_${f.h}_${f.ldc}`;
    case 'Scale':
      return `scale_${Math.sqrt(f.pixels)}_${f.ldc}`;
    case 'Attention':
      return `attention_${f.tokens}_${f.heads}_${f.d}`;
    case 'LayerNorm':
      return `layernorm_${f.rows}_${f.width}`;
    default:
      return kind.toLowerCase();
  }
}

/** The same plan with every activation left out: what is saved is what activations cost. */
function without_activations(plan, ops) {
  const records = plan.ops.slice();
  const view = new DataView(records.buffer);
  for (const { index, kind, fields } of ops) {
    if (!fields.activation) continue;
    view.setUint32(index * RECORD_BYTES + layout[kind].fields.activation[0], Activation.Linear, true);
  }
  return { ...plan, ops: records };
}

/** Elements that an op with an activation writes. */
function written(kind, f) {
  if (kind === 'Gemm') return f.m * f.n;
  return f.batch * f.out_h * f.out_w * (kind === 'Conv2d' ? f.n : f.channels);
}

/**
 * The ops of a plan with their best times over several rounds.
 * @returns for each op { name, class, macs, time, bare, activation, elements }; ms; `bare`: without the activation
 */
export function time_ops(executor, plan, inputs, rounds) {
  const ops = describe(plan);
  const bare_plan = without_activations(plan, ops);
  const time = ops.map(() => Infinity);
  const bare = ops.map(() => Infinity);
  for (let round = 0; round < rounds; round++) {
    for (const [best, which] of [
      [time, plan],
      [bare, bare_plan],
    ]) {
      for (const [i, t] of executor.profile(which, inputs).entries()) best[i] = Math.min(best[i], t);
    }
  }
  return ops.map((op, i) => ({
    name: name_of(op),
    class: op.kind === 'Gemm' && op.fields.m === 1 ? 'gemm, one row' : op.kind.toLowerCase(),
    macs: op.macs,
    time: time[i],
    bare: op.fields.activation ? Math.min(bare[i], time[i]) : time[i],
    activation: op.fields.activation ? ACTIVATIONS[op.fields.activation].toLowerCase() : null,
    elements: op.fields.activation ? written(op.kind, op.fields) : 0,
  }));
}

/** Adds up rows of one key, the costliest first: { key, count, macs, time, peer, elements } */
export function sum_by(rows, key_of) {
  const sums = new Map();
  for (const row of rows) {
    const key = key_of(row);
    const sum = sums.get(key) ?? { key, count: 0, macs: 0, time: 0, peer: 0, elements: 0 };
    sum.count += 1;
    for (const field of ['macs', 'time', 'peer', 'elements']) sum[field] += row[field];
    sums.set(key, sum);
  }
  return [...sums.values()].sort((a, b) => b.time - a.time);
}

/** What the activations fused into ops cost, by function as {@link sum_by} gives it. */
export function activations_of(rows) {
  const fused = rows.filter((row) => row.activation);
  return sum_by(
    fused.map((row) => ({ ...row, macs: 0, time: row.time - row.bare })),
    (row) => row.activation,
  );
}
