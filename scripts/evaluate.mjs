// npm run evaluate: how well the embedded model names pictures and finds them by words, on artwork that it was never
// trained on (weights/eval), beside what PyTorch found with the weights before they were rounded.
//
//   npm run evaluate -- --html sheet.html    its answers to look through
//   npm run evaluate -- MODEL                another model

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { answers_html } from './evaluate_sheet.mjs';
import { build, install, require_node } from './setup.mjs';

const PROMPTS = ['{}', 'a drawing of a {}'];
const COMMON = 100; // of the names, those that come first
const [ZERO_SHOT, SEARCH] = [[1, 5], [1, 10]]; // prettier-ignore
const folder = new URL('../weights/eval/', import.meta.url);

const read_json = async (name) => JSON.parse(await readFile(new URL(name, folder), 'utf8'));

/** The held-out sets: set → { names, the commonest first; pictures, [number of its name, PNG] in that order }. */
export async function read_held_out() {
  const file = await readFile(new URL('held_out.safetensors', folder));
  const begin = 8 + Number(file.readBigUInt64LE());
  const tensors = JSON.parse(file.subarray(8, begin).toString());
  const sets = new Map();
  for (const [set, common] of Object.entries(await read_json('names.json'))) {
    const names = common.map(([name]) => name);
    const pictures = [];
    for (const [i, name] of names.entries()) {
      const [from, to] = tensors[`${set}/${name}`]?.data_offsets ?? [];
      if (to !== undefined) pictures.push([i, file.subarray(begin + from, begin + to)]);
    }
    sets.set(set, { names, pictures });
  }
  return sets;
}

/** What evaluate.py wrote. */
export const read_reference = () => read_json('reference.json');

const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);

/** How many rows have their right column among the best, for each rank; a tie counts for it. */
function hits(rows, columns, right, ranks) {
  const places = rows.map((row, i) => {
    const own = dot(row, columns[right[i]]);
    return columns.filter((column) => dot(row, column) > own).length;
  });
  return ranks.map((rank) => places.filter((place) => place < rank).length);
}

/** Counts for each set and prompt, as reference.json has them. `align` is a loaded Align. */
export async function evaluate(align) {
  const results = {};
  for (const [set, { names, pictures }] of await read_held_out()) {
    const images = await align.embed_image(pictures.map(([, png]) => png));
    const right = pictures.map(([i]) => i);
    const common = right.filter((i) => i < COMMON);
    const each = right.map((_, i) => i);
    for (const prompt of PROMPTS) {
      const texts = await align.embed_text(names.map((name) => prompt.replace('{}', name)));
      const own = right.map((i) => texts[i]);
      results[`${set} | ${prompt}`] = {
        pictures: images.length,
        'top 100': hits(images.slice(0, common.length), texts.slice(0, COMMON), common, ZERO_SHOT),
        'top 500': hits(images, texts, right, ZERO_SHOT),
        'picture to text': hits(images, own, each, SEARCH),
        'text to picture': hits(own, images, each, SEARCH),
      };
    }
  }
  return results;
}

const COLUMNS = ['top 100', 'top 500', 'picture to text', 'text to picture'];
const HEADS = ['100 names @1 @5', '500 names @1 @5', 'picture→text @1 @10', 'text→picture @1 @10'];

/** Percentages of a row of counts. */
function cells(counts) {
  const percent = (key) => {
    const of = key === 'top 100' ? COMMON : counts.pictures;
    return counts[key].map((n) => ((100 * n) / of).toFixed(1).padStart(6)).join('');
  };
  return COLUMNS.map((key, i) => percent(key).padStart(HEADS[i].length + 2)).join('');
}

/** What a model finds that knows nothing. */
const chance = ({ pictures }) => ({
  pictures,
  'top 100': ZERO_SHOT,
  'top 500': ZERO_SHOT.map((k) => (k * pictures) / 500),
  'picture to text': SEARCH,
  'text to picture': SEARCH,
});

function print(results, reference, full) {
  console.log('Artwork that the model was never trained on: 125 pictures of each set; percent right.');
  console.log(
    'Zero-shot among the set’s 100 and 500 commonest names; search among its 125 pictures or names.\n',
  );
  console.log(`${''.padEnd(30)}${HEADS.map((head) => head.padStart(head.length + 2)).join('')}`);
  for (const [key, counts] of Object.entries(results)) {
    const [set, prompt] = key.split(' | ');
    const row = (name, values) => console.log(`${name.padEnd(30)}${cells(values)}`);
    row(`${set}, "${prompt}"`, counts);
    if (reference) row('  PyTorch, fp32', reference[key]);
    if (prompt !== PROMPTS.at(-1)) continue;
    row('  chance', chance(counts));
    const bar = [100, 500].map((n) => full[set][`zero-shot ${n}`]['pixel neighbour top1']);
    const [near, far] = bar.map((value, i) =>
      value
        .toFixed(1)
        .padStart(6)
        .padEnd(12)
        .padStart(HEADS[i].length + 2),
    );
    console.log(`${'  nearest training pixels'.padEnd(30)}${near}${far}\n`);
  }
  console.log(
    'Nearest training pixels: the name of the training drawing that is closest, pixel by pixel (weights/README.md).',
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  require_node();
  const { values, positionals } = parseArgs({
    options: { html: { type: 'string' } },
    allowPositionals: true,
  });
  install();
  build({ only_if_stale: true });
  const { Align } = await import('../dist/index.js');
  const align = await Align.load(positionals[0]);
  const own = positionals[0] === undefined;
  print(await evaluate(align), own ? await read_reference() : null, await read_json('full_sets.json'));
  if (values.html !== undefined) {
    await writeFile(values.html, await answers_html(align, await read_held_out()));
    console.log(`\n${values.html}: its answers among 500 names, to look through`);
  }
}
