// Times a tower's plan op by op, sums up by shape, and sets beside each what bounds it: the roofline. Runs in a process
// of its own, where the engine's limits are measured before and after.

import { AlignModel, describe } from '../dist/index.js';
import * as layout from '../dist/plan/layout.js';
import { Recorder } from '../dist/plan/recorder.js';
import { compile, Instance } from '../dist/wasm/module.js';
import { measure_ceiling } from './ceiling.mjs';
import { add, halves, name_of, plan_inputs } from './shapes.mjs';
import { WORK } from './work.mjs';

const ACTIVATIONS = Object.keys(layout.Activation);
const FOLDER = new URL('.models/align-base/', import.meta.url);

/** Bytes that an op has to bring in: weights, which come from memory, and activations, which some cache may hold. */
function traffic(op) {
  const { kind, fields: f, shape } = op;
  const written = 4 * count(shape);
  switch (kind) {
    case 'Gemm':
      return { weights: 4 * f.k * f.n, activations: 4 * f.m * f.k + written };
    case 'ExpandDepthwise': // what lies between the two stays in the nearest cache
      return { weights: 4 * (f.k * f.n + taps(op.second)), activations: 4 * f.m * f.k + written };
    case 'Depthwise':
      return { weights: 4 * taps(f), activations: 4 * f.batch * f.in_h * f.in_w * f.channels + written };
    default:
      return { weights: 0, activations: written };
  }
}

const taps = ({ kernel, channels }) => kernel ** 2 * channels;

/** Elements of a shape such as 1×9×9×640. */
const count = (shape) => shape.split('×').reduce((product, dim) => product * Number(dim), 1);

/** Elements that go through an activation. */
const activated = (op) =>
  halves(op).reduce((sum, { kind, fields: f, shape }) => {
    if (!f.activation) return sum;
    return (
      sum +
      (kind === 'Gemm' ? f.m * f.n : kind === 'Depthwise' ? f.out_h * f.out_w * f.channels : count(shape))
    );
  }, 0);

/** The same plan with every activation left out: what is saved is what activations cost. */
function without_activations(plan, ops) {
  const records = plan.ops.slice();
  const view = new DataView(records.buffer);
  for (const op of ops)
    for (const [half, { kind, fields }] of halves(op).entries()) {
      if (!fields.activation) continue;
      const at = op.index * layout.RECORD_BYTES + half * layout.HALF;
      const [offset] = layout[op.second && half === 0 ? op.kind : kind].fields.activation;
      view.setUint32(at + offset, layout.Activation.Linear, true);
    }
  return { ...plan, ops: records };
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

/** The plan of the work; without fusing, the picture's expansions and depthwise convolutions are ops of their own. */
async function record(model, { tower }, fuse) {
  if (tower === 'text') return model.plan('text', { tokens: 64 });
  if (fuse) return model.plan('vision', { height: 289, width: 289 });
  const recorder = new Recorder(new Instance(await compile(undefined, model.precision)), { fuse });
  const picture = { batch: 1, height: 289, width: 289, last_hidden_state: false, hidden_states: false };
  return recorder.vision(model.config.vision_config, { shard: 0, offset: 0, prefixed: true }, picture);
}

/** Best ms of every op of a plan, with its activation and without. */
async function time_ops(executor, plan, ops, inputs, rounds) {
  const best = { full: ops.map(() => Infinity), bare: ops.map(() => Infinity) };
  const plans = { full: plan, bare: without_activations(plan, ops) };
  for (let round = 0; round <= rounds; round++)
    for (const [name, which] of Object.entries(plans))
      for (const [i, time] of (await executor.profile(which, inputs)).entries())
        best[name][i] = Math.min(best[name][i], time);
  return ops.map((_, i) => ({ full: best.full[i], bare: Math.min(best.full[i], best.bare[i]) }));
}

/**
 * Best times of a tower's ops.
 * @returns `limits`; `precision`; `arena` in bytes; `ops`, one a shape, the costliest first: { name, kind, ops, macs, time,
 *   bare, least, bound } in ms for all of its `ops` together, `bare` without the activation; `activations`: { name, time,
 *   elements }
 */
export async function time_tower(work, options, rounds, fuse = true) {
  const { tower } = WORK[work];
  const model = await AlignModel.from_pretrained(FOLDER, { device: 'wasm', towers: tower, ...options });
  const { precision } = model;
  const before = await measure_ceiling();
  const plan = await record(model, WORK[work], fuse);
  const ops = describe(plan);
  const times = await time_ops(model.runtime.executor, plan, ops, plan_inputs(WORK[work]), rounds);
  const limits = better(before, await measure_ceiling());
  model.dispose();

  const [shapes, activations] = [new Map(), new Map()];
  for (const [i, op] of ops.entries()) {
    const { full, bare } = times[i];
    const { bound, time } = least(op, limits, limits[precision].chain);
    const kind = op.kind === 'Gemm' && op.fields.m === 1 ? 'gemm of one row' : op.kind.toLowerCase();
    const name = name_of(op);
    add(shapes, name, { name, kind, bound }, { ops: 1, macs: op.macs, time: full, bare, least: time });
    if (!op.fields.activation) continue;
    const activation = ACTIVATIONS[op.fields.activation].toLowerCase();
    add(activations, activation, { name: activation }, { time: full - bare, elements: activated(op) });
  }
  return {
    limits,
    precision,
    arena: plan.arena_bytes,
    ops: [...shapes.values()].sort((a, b) => b.time - a.time),
    activations: [...activations.values()],
  };
}
