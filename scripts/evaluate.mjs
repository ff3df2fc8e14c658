// npm run evaluate: how well the embedded model finds pictures by words and words by pictures, on artwork that it was
// never trained on (weights/eval), beside what PyTorch found with the same files. `-- MODEL` evaluates another one.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, install, require_node } from './setup.mjs';

const RANKS = [1, 5, 10];
const TEMPLATES = ['{}', 'a drawing of {}'];
const folder = new URL('../weights/eval/', import.meta.url);

/** The held-out pictures: set → [name, PNG], both in order. */
export async function read_held_out() {
  const file = await readFile(new URL('held_out.safetensors', folder));
  const begin = 8 + Number(file.readBigUInt64LE());
  const { __metadata__: licences, ...tensors } = JSON.parse(file.subarray(8, begin).toString());
  const sets = new Map(Object.keys(licences).map((set) => [set, []]));
  for (const [path, { data_offsets }] of Object.entries(tensors)) {
    const [set, name] = path.split('/');
    sets.get(set).push([name, file.subarray(begin + data_offsets[0], begin + data_offsets[1])]);
  }
  for (const pictures of sets.values()) pictures.sort(([a], [b]) => (a < b ? -1 : 1));
  return sets;
}

const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);

/** How many rows of `from` have their own row of `to` among the best 1, 5 and 10; a tie counts for the row. */
function recall(from, to) {
  const counts = RANKS.map(() => 0);
  for (const [i, row] of from.entries()) {
    const own = dot(row, to[i]);
    const better = to.filter((other) => dot(row, other) > own).length;
    for (const [j, k] of RANKS.entries()) counts[j] += Number(better < k);
  }
  return counts;
}

/** Hits at every rank, both ways, for each set and template. `align` is a loaded Align. */
export async function evaluate(align) {
  const results = {};
  for (const [set, pictures] of await read_held_out()) {
    const images = await align.embed_image(pictures.map(([, png]) => png));
    for (const template of TEMPLATES) {
      const texts = await align.embed_text(pictures.map(([name]) => template.replace('{}', name)));
      const hits = { image_to_text: recall(images, texts), text_to_image: recall(texts, images) };
      results[`${set} | ${template}`] = { ...hits, count: pictures.length };
    }
  }
  return results;
}

/** What evaluate.py wrote. */
export const read_reference = async () =>
  JSON.parse(await readFile(new URL('reference.json', folder), 'utf8'));

function print(results, reference) {
  const percent = (hits, count) => hits.map((n) => ((100 * n) / count).toFixed(1).padStart(6)).join('');
  const columns = [
    'image → text',
    'text → image',
    ...(reference ? ['PyTorch: image → text', 'text → image'] : []),
  ];
  console.log(`recall@${RANKS.join(', @')} in %, each picture among all of its set\n`);
  console.log(`${'set, names, prompt'.padEnd(36)}${columns.map((name) => name.padStart(22)).join('')}`);
  for (const [key, { image_to_text, text_to_image, count }] of Object.entries(results)) {
    const [set, template] = key.split(' | ');
    const hits = [image_to_text, text_to_image];
    if (reference) hits.push(reference[key].image_to_text, reference[key].text_to_image);
    const cells = hits.map((list) => percent(list, count).padStart(22));
    console.log(`${`${set}, ${count}, ${template}`.padEnd(36)}${cells.join('')}`);
    if (template === TEMPLATES.at(-1))
      console.log(
        `${'  chance'.padEnd(36)}${percent(RANKS, count).padStart(22)}${percent(RANKS, count).padStart(22)}`,
      );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  require_node();
  install();
  build({ only_if_stale: true });
  const { Align } = await import('../dist/index.js');
  const align = await Align.load(process.argv[2]);
  print(await evaluate(align), process.argv[2] === undefined ? await read_reference() : null);
}
