// What fewer bits cost on a model that was trained: the embedded one, on the example pictures and their labels.

import { readFile, readdir } from 'node:fs/promises';
import { Align } from 'align-wasm';
import { reason } from '../compete.mjs';
import { least_cosine } from '../measure.mjs';

const examples = new URL('../../examples/pictures/', import.meta.url);
const DTYPES = ['q8', 'q4', 'fp16', 'bf16'];

async function embed(options, pictures, labels) {
  const model = await Align.load(undefined, options);
  const rows = [...(await model.embed_image(pictures)), ...(await model.embed_text(labels))];
  model.dispose();
  return rows;
}

export async function quality(bench) {
  const files = (await readdir(examples)).filter((name) => name.endsWith('.png')).sort();
  const pictures = await Promise.all(files.map((name) => readFile(new URL(name, examples))));
  const labels = files.map((name) => `a ${name.replace(/\.png$/, '').replaceAll(/[-_]/g, ' ')}`);
  const exact = await embed({}, pictures, labels);
  const { name: where } = await bench.place('node');
  for (const dtype of DTYPES) {
    const row = {
      section: 'quality',
      work: `embedded model, ${pictures.length} pictures and ${labels.length} labels`,
      where,
      who: `dtype: '${dtype}'`,
      id: `quality | ${dtype}`,
    };
    try {
      const rows = await embed({ dtype }, pictures, labels);
      const least = Math.min(...rows.map((values, i) => least_cosine(exact[i], values, values.length)));
      bench.record({ ...row, best: least, unit: 'least cosine' });
    } catch (error) {
      bench.record({ ...row, error: reason(error) });
    }
  }
}
