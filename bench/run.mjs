// npm run bench [-- --rounds N]: the full align-base shape on one thread, end to end and op by op, beside
// onnxruntime-web on the same weights and inputs in the same run. It measures; nothing here passes or fails on time.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { build, install, require_node, say } from '../scripts/setup.mjs';
import { measure_ceiling } from './ceiling.mjs';
import { alternate, gflops, ms, print_table } from './measure.mjs';

// `npm run bench | head` is no error.
process.stdout.on('error', ({ code }) => process.exit(code === 'EPIPE' ? 0 : 1));

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a whole number from 1 on, not ${values.rounds}`);
  process.exit(2);
}

require_node();
install();
build({ only_if_stale: true });
// These import what was just built.
const { TOWERS, load_fast_model, load_model, macs_of } = await import('./ours.mjs');
const { activations_of, sum_by, time_ops } = await import('./ops.mjs');
const { print_inputs } = await import('./inputs.mjs');
const peer = await import('./peer.mjs');

const title = (line) => console.log(`\n${line}\n`);

/** One tower end to end, ours, ours with precision: 'fast' and theirs in turn; then how far apart their results are. */
async function end_to_end(model, fast, name, tower) {
  const theirs = peer.has(name) ? await peer.open(name, tower.feeds) : null;
  const others = [];
  if (fast) {
    const who = `align-wasm, precision: '${fast.precision}'`;
    others.push({ who, macs: macs_of(tower.plan(fast)), run: () => tower.call(fast) });
  }
  if (theirs) others.push({ who: peer.peer_name, macs: tower.macs, run: theirs.run });
  const [us, ...them] = await alternate([() => tower.call(model), ...others.map(({ run }) => run)], rounds);
  const row = (who, macs, { best, median }) => [
    `${tower.title}: ${who}`,
    ms(best),
    ms(median),
    gflops(macs, best),
    gflops(macs, median),
  ];
  const rows = [row('align-wasm', macs_of(tower.plan(model)), us)];
  for (const [i, { who, macs, run }] of others.entries()) {
    const { best, median } = them[i];
    const difference = largest_difference(await tower.call(model), await run());
    rows.push(
      row(who, macs, them[i]),
      ["  time over align-wasm's", (best / us.best).toFixed(2), (median / us.median).toFixed(2), '', ''],
      [`  largest difference of the features: ${difference.toExponential(1)} of the largest`, '', '', '', ''],
    );
  }
  await theirs?.release();
  return rows;
}

function largest_difference(a, b) {
  const largest = b.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  return b.reduce((max, x, i) => Math.max(max, Math.abs(x - a[i])), 0) / largest;
}

/** Best time in ms of the peer's model of one op, NaN where there is none. */
async function peer_time(name) {
  if (!peer.has(`ops/${name}`)) return NaN;
  const op = await peer.open(`ops/${name}`);
  const [{ best }] = await alternate([op.run], rounds);
  await op.release();
  return best;
}

/** One line of a table: what it is, how often, our time for all of them and the peer's, what both make of it. */
const compare = (name, count, macs, ours, theirs) => [
  name,
  String(count),
  ms(ours),
  gflops(macs, ours),
  ms(theirs),
  gflops(macs, theirs),
  Number.isNaN(theirs) ? '' : (theirs / ours).toFixed(1),
];
const HEADER = ['ops', 'ms', 'GFLOP/s', 'peer ms', 'GFLOP/s', 'times as fast'];

/** The peer's models of an activation alone, and how many elements they have. */
const ACTIVATIONS = {
  silu: { name: 'silu_5184_288', size: 5184 * 288 },
  gelu: { name: 'gelu_64_3072', size: 64 * 3072 },
};

/** What the activations fused into ops cost us, and the peer for as many elements. */
async function compare_activation({ key, count, time, elements }) {
  const alone = ACTIVATIONS[key];
  const theirs = alone ? ((await peer_time(alone.name)) / alone.size) * elements : NaN;
  const each = (t) => (Number.isNaN(t) ? '' : `${((t * 1e6) / elements).toFixed(2)} ns`);
  const faster = Number.isNaN(theirs) ? '' : (theirs / time).toFixed(1);
  return [`  of which ${key}`, String(count), ms(time), each(time), ms(theirs), each(theirs), faster];
}

/** Shapes that take at least this share of their tower get a line of their own. */
const SHARE = 0.003;

async function print_ops(tower, ops) {
  const shapes = sum_by(ops, (op) => op.name);
  const theirs = new Map();
  for (const { key } of shapes) theirs.set(key, await peer_time(key));

  title(`${tower.title}: by class`);
  const classes = sum_by(
    ops.map((op) => ({ ...op, peer: theirs.get(op.name) })),
    (op) => op.class,
  );
  const activations = [];
  for (const sum of activations_of(ops)) activations.push(await compare_activation(sum));
  print_table(
    ['class', ...HEADER],
    [
      ...classes.map(({ key, count, macs, time, peer }) => compare(key, count, macs, time, peer)),
      ...activations,
    ],
  );

  title(`${tower.title}: by shape`);
  const all = shapes.reduce((sum, { time }) => sum + time, 0);
  const large = shapes.filter(({ time }) => time >= SHARE * all);
  print_table(
    ['shape', ...HEADER],
    large.map(({ key, count, macs, time }) =>
      compare(key.replace('_', ' ').replaceAll('_', ' · '), count, macs, time, theirs.get(key) * count),
    ),
  );
  const rest = shapes.length - large.length;
  if (rest > 0) console.log(`and ${rest} shapes that take less than ${100 * SHARE} % each`);
}

const machine = `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`;
title(`${machine}, one thread, fp32, ${rounds} rounds in turn`);
if (!peer.has('vision') || !peer.has('text')) {
  say('the peer has no models, so this measures align-wasm alone; to make them (0.8 GB in bench/.models):');
  say('  pip install -r test/golden/requirements.txt onnx && python bench/make_models.py');
}
await print_inputs(rounds);

const model = await load_model();
const fast = await load_fast_model();
if (fast === null) say("this Node has no relaxed SIMD, so there is no row for precision: 'fast'");
const ceilings = [await measure_ceiling()];
const table = [];
for (const [name, tower] of Object.entries(TOWERS)) {
  table.push(...(await end_to_end(model, fast, name, tower)));
  ceilings.push(await measure_ceiling());
}
fast?.dispose();
console.log();
print_table(['end to end', 'best ms', 'median ms', 'GFLOP/s best', 'median'], table);
console.log(
  `\nceiling of separate multiply and add in this engine: ${Math.max(...ceilings).toFixed(1)} GFLOP/s`,
);

for (const tower of Object.values(TOWERS)) {
  await print_ops(tower, time_ops(model.runtime.executor, tower.plan(model), tower.inputs, rounds));
}
console.log(`
Best times, all ops of a line together. Ours include the fused bias, activation and residual; the peer's are models of one
op with its activation, ${peer.peer_name}. An activation costs what its ops take more with it than without; the peer's alone.
gemm: rows · inner · columns. conv2d, depthwise: side · channels · kernel · stride. pool, scale: side · channels.`);
model.dispose();
