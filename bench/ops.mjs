// Times a tower's plan op by op, sums up by shape, and sets beside each what bounds it: the roofline. Runs in a process
// of its own, where the engine's limits are measured before and after.

import { AlignModel, describe } from '../dist/index.js';
import * as layout from '../dist/plan/layout.js';
import { measure_ceiling } from './ceiling.mjs';
import { WORK } from './work.mjs';

const ACTIVATIONS = Object.keys(layout.Activation);
const FOLDER = new URL('.models/align-base/', import.meta.url);

/** What make_models.py calls an op of this shape. */
function name_of({ kind, fields: f, shape }) {
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
      return `${kind.toLowerCase()}_${shape.replaceAll('×', '_')}`;
  }
}

/** Bytes that an op has to bring in: weights, which come from memory, and activations, which some cache may hold. */
function traffic({ kind, fields: f, shape }) {
  const written = 4 * count(shape);
  switch (kind) {
    case 'Gemm':
      return { weights: 4 * f.k * f.n, activations: 4 * f.m * f.k + written };
    case 'Depthwise':
      return {
        weights: 4 * f.kernel ** 2 * f.channels,
        activations: 4 * f.batch * f.in_h * f.in_w * f.channels + written,
      };
    default:
      return { weights: 0, activations: written };
  }
}

/** Elements of a shape such as 1×9×9×640. */
const count = (shape) => shape.split('×').reduce((product, dim) => product * Number(dim), 1);

/** The fields of a record that name an activation. */
const activation_fields = (kind) =>
  Object.entries(layout[kind].fields).filter(([name]) => name.endsWith('activation'));

/** The same plan with every activation left out: what is saved is what activations cost. */
function without_activations(plan, ops) {
  const records = plan.ops.slice();
  const view = new DataView(records.buffer);
  for (const { index, kind } of ops)
    for (const [, [offset]] of activation_fields(kind))
      view.setUint32(index * layout.RECORD_BYTES + offset, layout.Activation.Linear, true);
  return { ...plan, ops: records };
}

/** What the plan of a tower takes as its inputs, for the work's inputs. */
function plan_inputs({ tower, make }) {
  const { inputs, dims } = make();
  if (tower === 'vision') return inputs;
  const ints = Object.entries(inputs).map(([name, values]) => [name, Int32Array.from(values, Number)]);
  const position_ids = Int32Array.from({ length: dims[1] }, (_, i) => i);
  return { ...Object.fromEntries(ints), position_ids, starts: Int32Array.of(0, dims[1]) };
}

/** The least time in ms that an op can take: its arithmetic, its weights' way from memory, its activations' through a cache. */
function least(op, limits, chain) {
  const { weights, activations } = traffic(op);
  const bounds = {
    arithmetic: (2 * op.macs) / chain / 1e6,
    memory: weights / limits.memory / 1e6,
    cache: activations / limits.cache / 1e6,
  };
  const [bound, time] = Object.entries(bounds).sort((a, b) => b[1] - a[1])[0];
  return { bound, time };
}

/** The better of two measurements of the limits. */
function better(a, b) {
  const most = (x, y) => ({ chain: Math.max(x.chain, y.chain), tile: Math.max(x.tile, y.tile) });
  return {
    ...a,
    exact: most(a.exact, b.exact),
    fast: most(a.fast, b.fast),
    memory: Math.max(a.memory, b.memory),
    cache: Math.max(a.cache, b.cache),
  };
}

/**
 * Best times of a tower's ops.
 * @returns `limits`; `arena` in bytes; `ops`, one a shape, the costliest first: { name, kind, ops, macs, time, bare, least,
 *   bound } in ms for all of its `ops` together, `bare` without the activation; `activations`: { name, time, elements }
 */
export async function time_tower(work, options, rounds) {
  const { tower } = WORK[work];
  const model = await AlignModel.from_pretrained(FOLDER, { towers: tower, ...options });
  const before = await measure_ceiling();
  const plan = model.plan(tower);
  const ops = describe(plan);
  const bare_plan = without_activations(plan, ops);
  const inputs = plan_inputs(WORK[work]);
  const best = { full: ops.map(() => Infinity), bare: ops.map(() => Infinity) };
  for (let round = 0; round <= rounds; round++)
    for (const [name, which] of [
      ['full', plan],
      ['bare', bare_plan],
    ])
      for (const [i, t] of model.runtime.executor.profile(which, inputs).entries())
        best[name][i] = Math.min(best[name][i], t);
  const limits = better(before, await measure_ceiling());
  const { precision } = model;
  model.dispose();

  const shapes = new Map();
  const activations = new Map();
  const add = (map, key, zero, values) => {
    const sum = map.get(key) ?? { ...zero };
    for (const [name, value] of Object.entries(values)) sum[name] = (sum[name] ?? 0) + value;
    map.set(key, sum);
  };
  for (const [i, op] of ops.entries()) {
    const [full, bare] = [best.full[i], Math.min(best.full[i], best.bare[i])];
    const { bound, time } = least(op, limits, limits[precision].chain);
    const kind = op.kind === 'Gemm' && op.fields.m === 1 ? 'gemm of one row' : op.kind.toLowerCase();
    const name = name_of(op);
    add(shapes, name, { name, kind, bound }, { ops: 1, macs: op.macs, time: full, bare, least: time });
    const activation = op.fields.activation;
    if (!activation) continue;
    const key = ACTIVATIONS[activation].toLowerCase();
    add(activations, key, { name: key }, { time: full - bare, elements: count(op.shape) });
  }
  return {
    limits,
    precision,
    arena: plan.arena_bytes,
    ops: [...shapes.values()].sort((a, b) => b.time - a.time),
    activations: [...activations.values()],
  };
}
