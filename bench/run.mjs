// npm run bench: align-wasm beside its peers on this machine. It measures; nothing here passes or fails on time.

import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { build, install, install_peers, install_runtimes, require_node, say } from '../scripts/setup.mjs';

const HELP = `npm run bench -- [options]

  --only A,B    sections: SECTIONS
  --device D    webgpu: both towers on Chromium's GPU beside onnxruntime-web, and nothing else
  --rounds N    runs of everything after one that does not count (default 7)
  --quick       3 rounds, and not what takes a peer half a minute; on a GPU one round
  --save        write bench/results/<processor or GPU>.json and .svg
  --as-built    measure dist as it is, however old
`;

// `npm run bench | head` is no error.
process.stdout.on('error', ({ code }) => process.exit(code === 'EPIPE' ? 0 : 1));

const SECTIONS = 'towers labels kernels load memory start cold quality inputs search'.split(' ');

/** Asked for by `--device`. */
const DEVICES = ['webgpu'];

/** The command line, checked. */
function read_options() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      device: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      'as-built': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP.replace('SECTIONS', SECTIONS.join(', ')));
    process.exit(0);
  }
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 7));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds takes a whole number from 1 on, not ${values.rounds}`);
  if (values.device !== undefined && !DEVICES.includes(values.device))
    throw new Error(`--device ${values.device}: it takes ${DEVICES.join(', ')}`);
  if (values.device !== undefined) return { ...values, rounds, only: [values.device] };
  const only = values.only?.split(',') ?? SECTIONS;
  const unknown = only.find((name) => !SECTIONS.includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: the sections are ${SECTIONS.join(', ')}`);
  return { ...values, rounds, only };
}

let options;
try {
  options = read_options();
} catch ({ message }) {
  console.error(`${message}\n\n${HELP.replace('SECTIONS', SECTIONS.join(', '))}`);
  process.exit(2);
}

require_node();
install();
install_peers();
install_runtimes();
if (!options['as-built']) build({ only_if_stale: true });

// These import what was just installed and built.
const { Bench } = await import('./bench.mjs');
const { has_model, make_checkpoint } = await import('./models.mjs');
const { plot } = await import('./plot.mjs');
const { figure_lines, file_name, measurement_lines, results_text } = await import('./results.mjs');
const { load, memory, start } = await import('./sections/loading.mjs');
const { cold } = await import('./sections/cold.mjs');
const { inputs } = await import('./sections/inputs.mjs');
const { kernels } = await import('./sections/kernels.mjs');
const { labels } = await import('./sections/labels.mjs');
const { quality } = await import('./sections/quality.mjs');
const { search } = await import('./sections/search.mjs');
const { towers } = await import('./sections/towers.mjs');
const { webgpu } = await import('./sections/webgpu.mjs');
const sections = { towers, labels, kernels, load, memory, start, cold, quality, inputs, search, webgpu };

if (['vision', 'vision_65', 'text', 'text_64', 'text_int8'].some((name) => !has_model(name))) {
  say("the peers' models are missing, so their rows are too; to make them (1.6 GB in bench/.models):");
  say('  pip install -r test/golden/requirements.txt onnx onnxruntime && python bench/make_models.py');
}
if (options.only.some((name) => name !== 'cold')) {
  say('writing the checkpoint that is loaded (690 MB in bench/.models), once …');
  await make_checkpoint();
}

const bench = new Bench(options);
const heading = (title) => console.log(`\n== ${title}\n`);
const began = performance.now();
for (const name of options.only) {
  heading(name);
  try {
    await sections[name](bench);
  } catch (error) {
    // One section's failure loses no other's results.
    bench.record({
      section: name,
      work: name,
      where: '',
      who: '',
      id: name,
      error: String(error?.message ?? error),
    });
    console.error(error);
  }
  const rows = bench.rows.filter(({ section }) => section === name);
  console.log();
  for (const line of measurement_lines(rows)) console.log(line);
}
if (!options.device) {
  heading('figures: ratios of medians; "reached" and "short" are this run on this machine');
  for (const line of figure_lines(bench.rows)) console.log(line);
}
// A GPU that was not found has no results, and is saved as nothing.
const results = options.device && !bench.device ? null : await bench.results();
await bench.close();
console.log(`\n${((performance.now() - began) / 60_000).toFixed(1)} minutes`);

if (options.save && results) {
  const place = new URL(`results/${file_name(results)}.json`, import.meta.url);
  await writeFile(place, results_text(results));
  const picture = new URL(place.href.replace(/json$/, 'svg'));
  await writeFile(picture, plot(JSON.parse(await readFile(place, 'utf8'))));
  say(`wrote ${place.pathname} and its picture`);
}
process.exit(0);
