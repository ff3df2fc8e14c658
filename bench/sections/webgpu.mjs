// Both towers on the GPU of a browser, end to end and op by op, beside onnxruntime-web on the same adapter; the kernels for
// large products apart.

import { compete } from '../compete.mjs';
import { difference, digits, gflops, table, within } from '../measure.mjs';
import { has_model } from '../models.mjs';
import { readable } from '../shapes.mjs';
import { WORK } from '../work.mjs';

const OURS = { who: "device: 'webgpu'", module: './align.mjs', options: { device: 'webgpu' } };
const WEB = {
  who: 'onnxruntime-web, WebGPU',
  module: './peers/onnxruntime.mjs',
  options: { kind: 'webgpu', threads: 1 },
};

/** The whole picture takes a software adapter minutes. */
const TOWERS = { software: ['text', 'vision_65'], real: ['text', 'vision_65', 'vision'] };

/** What onnxruntime-web computes of it: of a picture of 65 × 65 SwiftShader had no answer for it within three minutes. */
const OF_PEER = { software: ['text'], real: ['text', 'vision_65', 'vision'] };

/** Ms after which no further round of one race begins. */
const BUDGET = { towers: 45_000, tiles: 10_000 };
/** Ms after which something is given up. */
const LIMIT = 150_000;
/** Rounds of the ops: their times add up to the tower's. */
const OP_ROUNDS = 3;
/** Ops that take a smaller share of their tower's time have no line. */
const SHARE = 0.004;

/** [m, k, n]: a layer of the text tower, an expansion and a projection of a picture's. */
const PRODUCTS = [
  [64, 768, 768],
  [324, 160, 960],
  [1296, 288, 80],
];

const SOFTWARE = `This adapter is software: a processor's imitation of a GPU. No time and no GFLOP/s here says anything of a real one; only
the ratio of two that ran on it, in turn, means something.`;

const kind_of = ({ software }) => (software ? 'software' : 'real');

/** Few bytes and many in the same words. */
const kilobytes = (bytes) => (bytes === 0 ? '0' : digits(bytes / 1e3));

/** The device's own words, and whether they are a processor's. */
async function find_device(bench, place) {
  const { call, close } = place.start();
  try {
    return await within(LIMIT, call('./adapter.mjs', 'describe'));
  } catch (error) {
    bench.record({
      section: 'webgpu',
      work: 'adapter',
      where: place.name,
      who: '',
      id: 'adapter',
      error: error.message,
    });
    return null;
  } finally {
    close();
  }
}

/** Keeps what the meter counted: of opening and the first run what there is once, of the last run what there is in each. */
async function metered({ row, call }, when) {
  if (when === 'start') return call('./meter.mjs', 'start');
  const counted = await call('./meter.mjs', 'take');
  row.pipelines = (row.pipelines ?? 0) + counted.pipelines;
  row.compile = (row.compile ?? 0) + counted.compile;
  if (when === 'run') row.call = counted;
}

function print_ends(bench, work, open) {
  bench.print(`\n${WORK[work].title}, end to end; a call:\n`);
  const header = [
    'who',
    'ms',
    'GFLOP/s',
    'dispatches',
    'submits',
    'up kB',
    'back kB',
    'pipelines',
    'compiled in ms',
  ];
  const rows = open.map(({ row: { who, median, gflops, call, pipelines, compile } }) => [
    who,
    digits(median),
    digits(gflops),
    String(call.dispatches),
    String(call.submits),
    kilobytes(call.uploaded),
    kilobytes(call.read),
    String(pipelines),
    compile ? digits(compile) : '',
  ]);
  for (const line of table(header, rows)) bench.print(line);
}

function print_transfers(bench, { weights, inputs, outputs }) {
  const line = ({ bytes, ms }) => `${kilobytes(bytes)} kB in ${digits(ms)} ms`;
  bench.print(`
apart from computing: upload of the weights ${line(weights)} (once), of the inputs ${line(inputs)}; readback ${line(outputs)}`);
}

function print_ops(bench, work, ops) {
  const all = ops.reduce((sum, { time }) => sum + time, 0);
  const dispatches = ops.reduce((sum, op) => sum + op.dispatches, 0);
  const macs = ops.reduce((sum, op) => sum + op.macs, 0);
  bench.print(`
${WORK[work].title}, op by op, a pass each, by the GPU's clock: ${digits(all)} ms in ${dispatches} dispatches, ${digits(gflops(2 * macs, all))} GFLOP/s
`);
  const header = ['op', 'kernel', 'times', 'dispatches', 'ms', 'share', 'GFLOP/s'];
  const rows = ops
    .filter(({ time }) => time > SHARE * all)
    .map((op) => [
      readable(op.name),
      op.kernel,
      String(op.ops),
      String(op.dispatches),
      digits(op.time),
      digits(op.time / all),
      op.macs ? digits(gflops(2 * op.macs, op.time)) : '',
    ]);
  for (const line of table(header, rows)) bench.print(line);
}

/** A tower of ours and the peer's, in turn; then our ops by themselves. */
async function race_tower(bench, work) {
  const contestants = [OURS];
  if (!OF_PEER[kind_of(bench.device)].includes(work))
    bench.print(
      `\n${WORK[work].title}: without onnxruntime-web, which takes minutes for it on a software adapter`,
    );
  else if (has_model(WORK[work].model)) contestants.push(WEB);
  else bench.print(`no ${WORK[work].model}.onnx for onnxruntime-web: python bench/make_models.py writes it`);
  const budget = bench.quick ? 0 : BUDGET.towers;
  const race = {
    section: 'webgpu',
    work,
    where: 'webgpu',
    contestants,
    rounds: bench.rounds,
    budget,
    limit: LIMIT,
  };
  await compete(
    bench,
    race,
    async (open) => {
      const ours = open.find(({ contestant }) => contestant === OURS);
      const peer = open.find(({ contestant }) => contestant === WEB);
      print_ends(bench, work, open);
      if (ours && peer) peer.row.difference = difference(await ours.features(), await peer.features());
      if (!ours) return;
      const { call, row } = ours;
      const rounds = bench.quick ? 1 : OP_ROUNDS;
      row.transfers = await within(LIMIT, call('./gpu.mjs', 'transfers', work, rounds));
      print_transfers(bench, row.transfers);
      row.ops = await within(LIMIT, call('./gpu.mjs', 'time_ops', work, rounds));
      print_ops(bench, work, row.ops);
    },
    metered,
  );
}

/** The kernels for large products, in turn. */
async function race_tiles(bench, place) {
  for (const shape of bench.quick ? PRODUCTS.slice(0, 1) : PRODUCTS) {
    const work = `gemm ${shape.join(' · ')}`;
    const { call, close } = place.start();
    bench.say(`${work}: the kernels (${place.name})`);
    const common = { section: 'webgpu', work, where: place.name };
    try {
      const budget = bench.quick ? 0 : BUDGET.tiles;
      const times = await within(LIMIT, call('./tiles.mjs', 'race', shape, bench.rounds, budget));
      for (const { kernel, ...measured } of times) {
        const who = kernel === 'gemm' ? 'register tile' : `shared memory, ${kernel}`;
        const flop = 2 * shape.reduce((a, b) => a * b);
        const speed = gflops(flop, measured.median);
        bench.record({
          ...common,
          who,
          id: `${work} | webgpu | ${kernel}`,
          ...measured,
          unit: 'ms',
          gflops: speed,
        });
      }
    } catch (error) {
      bench.record({ ...common, who: 'the kernels', id: `${work} | webgpu`, error: error.message });
    } finally {
      close();
    }
  }
}

export async function webgpu(bench) {
  const place = await bench.place('webgpu');
  if (!place) return;
  const device = await find_device(bench, place);
  if (!device) return;
  bench.device = device;
  bench.print(`${device.description} (${device.software ? 'software' : 'a GPU'}), ${place.name}`);
  if (device.software) bench.print(SOFTWARE);
  for (const work of TOWERS[kind_of(device)]) await race_tower(bench, work);
  await race_tiles(bench, place);
  if (device.software) bench.print(`\n${SOFTWARE}`);
}
