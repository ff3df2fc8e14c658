// Loading both towers, memory at the peak, starting cold, and what is downloaded.

import { spawnSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { reason } from '../compete.mjs';
import { summary } from '../measure.mjs';
import { CHECKPOINT, packed_path, weight_bytes } from '../models.mjs';
import { in_process } from '../process.mjs';

const ROUNDS = 3;
const dist = (file) => fileURLToPath(new URL(`../../dist/${file}`, import.meta.url));

/** Packs the checkpoint with our own command, once a run. @throws what the command says where it fails */
function pack(bench, dtype, packed) {
  const path = packed_path(dtype);
  if (packed.has(dtype)) return path;
  bench.say(`align-wasm convert, ${dtype}`);
  const args = [dist('cli/main.js'), 'convert', CHECKPOINT, '-o', path, '--dtype', dtype, '--force'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`it could not be packed: ${stderr.trim().split('\n')[0]}`);
  packed.add(dtype);
  return path;
}

/** Loading, round by round; each load in a process of its own, as users have it. */
export async function load(bench) {
  const node = await bench.place('node');
  const run = (...call) => in_process(node.executable, './loading.mjs', ...call);
  const packed = new Set();
  const contestants = [
    { who: 'Hugging Face file', id: 'load | hf', load: () => run('load_ours', CHECKPOINT) },
    { who: 'packed file', id: 'load | packed', load: () => run('load_ours', pack(bench, 'fp32', packed)) },
    {
      who: 'packed file, q8',
      id: 'load | packed q8',
      load: () => run('load_ours', pack(bench, 'q8', packed)),
    },
    { who: 'onnxruntime-web', id: 'load | onnxruntime-web', load: () => run('load_web') },
  ];
  const times = contestants.map(() => []);
  const errors = [];
  // The first round brings the files into the system's cache.
  for (let round = 0; round <= ROUNDS; round++)
    for (const [i, { who, load }] of contestants.entries()) {
      if (errors[i]) continue;
      bench.say(`loading: ${who}, round ${round}`);
      try {
        const time = await load();
        if (round > 0) times[i].push(time);
      } catch (error) {
        errors[i] = error;
      }
    }
  for (const [i, { who, id }] of contestants.entries()) {
    const row = { section: 'load', work: 'load both towers', where: node.name, who, id };
    bench.record(
      errors[i] ? { ...row, error: reason(errors[i]) } : { ...row, ...summary(times[i]), unit: 'ms' },
    );
  }
}

/** The peak over the weights' bytes in fp32, our activations left out: how many copies of the weights there are. */
export async function memory(bench) {
  const node = await bench.place('node');
  const MB = 1e6;
  for (const { who, module, options } of [
    { who: 'align-wasm', module: './align.mjs', options: {} },
    { who: 'onnxruntime-web', module: './peers/onnxruntime.mjs', options: { kind: 'web', threads: 1 } },
  ])
    for (const work of ['vision', 'text']) {
      const weights = await weight_bytes(work);
      bench.say(`memory: ${who}, ${work}`);
      const row = {
        section: 'memory',
        work: `peak, ${work} tower`,
        where: node.name,
        who,
        id: `memory | ${work} | ${who}`,
      };
      try {
        const { peak, resident, arena } = await in_process(
          node.executable,
          './memory.mjs',
          'measure_peak',
          module,
          work,
          options,
        );
        bench.record({
          ...row,
          best: peak / MB,
          unit: 'MB',
          over_weights: (peak - arena) / weights,
          resident: resident / MB,
          arena: arena / MB,
        });
      } catch (error) {
        bench.record({ ...row, error: reason(error) });
      }
    }
}

/** Importing, compiling, planning; and how large the modules are. */
export async function start(bench) {
  const node = await bench.place('node');
  const times = [];
  for (let round = 0; round < 2 * ROUNDS + 1; round++)
    times.push(await in_process(node.executable, './loading.mjs', 'start_cold', `${CHECKPOINT}config.json`));
  const common = { section: 'start', where: node.name, who: 'align-wasm', unit: 'ms' };
  const of = (field) => summary(times.map((time) => time[field]));
  bench.record({ ...common, work: 'import', id: 'start | import', ...of('load') });
  bench.record({
    ...common,
    work: 'compile + instantiate + plan, align-base',
    id: 'start | plan',
    ...of('start'),
  });
  for (const file of await readdir(dist('')))
    if (file.endsWith('.wasm')) {
      const { size } = await stat(dist(file));
      bench.record({
        section: 'start',
        where: 'any',
        who: 'align-wasm',
        work: file,
        id: `size | ${file}`,
        best: size / 1000,
        unit: 'kB',
      });
    }
}
