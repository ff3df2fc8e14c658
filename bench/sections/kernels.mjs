// Kernels: every op of both towers against its roofline, and beside onnxruntime-web's model of the same op.

import { digits, gflops, table } from '../measure.mjs';
import { has_model } from '../models.mjs';
import { in_process, start_node } from '../process.mjs';
import { readable } from '../shapes.mjs';
import { WORK } from '../work.mjs';

const SHAPES = 12;
/** Ops that take a smaller share of their tower's time have no line. */
const SHARE = 0.004;
/** A model of the activation alone, for the peer, and its elements. */
const SILU = { name: 'ops/silu_5184_288', elements: 5184 * 288 };

/** Best ms of onnxruntime-web on each model of an op that there is. */
async function time_peer(names, rounds) {
  const peer = start_node();
  const times = new Map();
  try {
    for (const name of new Set(names.filter(has_model)))
      times.set(name, await peer.call('./peers/onnxruntime.mjs', 'best_of', name, rounds));
  } finally {
    peer.close();
  }
  return times;
}

/** The peer's ms for an op, or for both halves of one that is two; NaN where it has no model. */
const of_peer = (peer, name) =>
  name.split(' + ').reduce((sum, half) => sum + (peer.get(`ops/${half}`) ?? NaN), 0);

function print(bench, work, { ops, limits, precision }, peer) {
  const all = ops.reduce((sum, { time }) => sum + time, 0);
  const { chain, tile } = limits[precision];
  bench.print(
    `\n${WORK[work].title}, op by op, ${limits.engine}, ${precision}. Chains of multiply and add in registers ${digits(chain)} GFLOP/s, ` +
      `the GEMM tile from the nearest cache ${digits(tile)}; memory ${digits(limits.memory)} GB/s, cache ${digits(limits.cache)} GB/s\n`,
  );
  const header = [
    'op',
    'times',
    'ms',
    'without act.',
    'GFLOP/s',
    'least ms',
    'by',
    'share',
    'peer ms',
    'ratio',
  ];
  const rows = ops
    .filter(({ time }) => time > SHARE * all)
    .map((op) => {
      const theirs = of_peer(peer, op.name) * op.ops;
      return [
        readable(op.name),
        String(op.ops),
        digits(op.time),
        digits(op.bare),
        op.macs ? digits(gflops(2 * op.macs, op.bare)) : '',
        digits(op.least),
        op.bound,
        digits(op.least / op.bare),
        digits(theirs),
        digits(theirs / op.time),
      ];
    });
  for (const line of table(header, rows)) bench.print(line);
}

/** Multiply-accumulates and ms of ops together. */
const sum = (ops, field) => ops.reduce((total, op) => total + op[field], 0);

/** GFLOP/s of the towers' largest matrix products, most arithmetic first. */
function record_gemms(bench, { where, name: place }, results) {
  const { limits, precision } = results[0];
  const { chain, tile } = limits[precision];
  const gemms = results
    .flatMap(({ ops }) => ops)
    .filter(({ kind }) => kind === 'gemm')
    .sort((a, b) => b.macs - a.macs)
    .slice(0, SHAPES)
    .map((op) => ({ ...op, reached: gflops(2 * op.macs, op.bare) }));
  const common = { section: 'kernels', where: place, unit: 'GFLOP/s' };
  for (const { name, reached } of gemms) {
    bench.record({
      ...common,
      work: readable(name),
      who: precision,
      id: `${name} | ${where} | ${precision}`,
      best: reached,
      share: reached / chain,
      share_of_tile: reached / tile,
    });
  }
  const id = (what) => `${what} | ${where} | ${precision}`;
  const together = gflops(2 * sum(gemms, 'macs'), sum(gemms, 'bare'));
  const least = Math.min(...gemms.map(({ reached }) => reached));
  for (const [what, value] of Object.entries({
    'gemm ceiling': chain,
    'gemm tile': tile,
    'gemm together': together,
    'gemm slowest': least,
  }))
    bench.record({
      ...common,
      work: what,
      who: precision,
      id: id(what),
      best: value,
      share: value / chain,
      share_of_tile: value / tile,
    });
}

/** What a picture's depthwise convolutions, activations and memory come to; `alone`: no op is two in one. */
function record_picture(bench, where, { activations, arena }, { ops }, peer) {
  const depthwise = ops.filter(({ kind, name }) => kind === 'depthwise' && peer.has(`ops/${name}`));
  const common = { section: 'kernels', where };
  if (depthwise.length > 0) {
    const theirs = depthwise.reduce((total, { name, ops }) => total + peer.get(`ops/${name}`) * ops, 0);
    const work = `depthwise, all ${sum(depthwise, 'ops')} of a picture`;
    bench.record({
      ...common,
      work,
      who: 'align-wasm',
      id: 'depthwise | align-wasm',
      best: sum(depthwise, 'time'),
      unit: 'ms',
    });
    bench.record({
      ...common,
      work,
      who: 'onnxruntime-web',
      id: 'depthwise | onnxruntime-web',
      best: theirs,
      unit: 'ms',
    });
  }
  bench.record({
    ...common,
    work: 'arena of one picture',
    who: 'align-wasm',
    id: 'arena | align-wasm',
    best: arena / 1e6,
    unit: 'MB',
  });
  const silu = activations.find(({ name }) => name === 'silu');
  const each = (time, elements) => (time * 1e6) / elements;
  const swish = { ...common, work: 'swish, fused, an element', unit: 'ns' };
  bench.record({
    ...swish,
    who: 'align-wasm',
    id: 'swish | align-wasm',
    best: each(silu.time, silu.elements),
  });
  const alone = peer.get(SILU.name);
  if (alone)
    bench.record({
      ...swish,
      who: 'onnxruntime-web',
      id: 'swish | onnxruntime-web',
      best: each(alone, SILU.elements),
    });
}

export async function kernels(bench) {
  for (const [where, options] of [
    ['node', {}],
    ['newest', { precision: 'fast' }],
  ]) {
    const place = await bench.place(where);
    if (!place) continue;
    const time = (work, fuse) => {
      bench.say(`${WORK[work].title}: op by op (${place.name})`);
      return in_process(place.executable, './ops.mjs', 'time_tower', work, options, bench.rounds, fuse);
    };
    const results = { vision: await time('vision', true), text: await time('text', true) };
    const alone = await time('vision', false); // products and convolutions as ops of their own, for their own figures
    const names = [...alone.ops, ...results.text.ops].map(({ name }) => `ops/${name}`);
    const peer = where === 'node' ? await time_peer([...names, SILU.name], bench.rounds) : new Map();
    print(bench, 'vision', results.vision, peer);
    print(bench, 'text', results.text, peer);
    record_gemms(bench, { where, name: place.name }, [alone, results.text]);
    if (where === 'node') record_picture(bench, place.name, results.vision, alone, peer);
  }
  bench.print(`
gemm: rows · inner · columns; conv2d, depthwise: side · channels · kernel · stride; pool, scale: side · channels. Best times,
all ops of a shape together. "least": the op's arithmetic at the chains' speed, its weights from memory, or its activations
through a cache, whichever is longest; "share" is that over the time without the activation. The peer: models of one op
with its activation; two of them for an op that is two in one.`);
}
