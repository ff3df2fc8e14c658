// node bench/accuracy.mjs: what each dtype costs and gains. Cosines to fp32, smallest and mean, of every picture and text; how
// often a picture keeps its best label; the packed file's size; and time as a share of fp32's, all models alternating in one
// run. First the embedded model on the held-out artwork (weights/eval) and the examples, then the align-base shape with
// the weights that bench/models.mjs computes, which were never trained. Needs `npm run build`; nothing passes or fails here.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Align, AlignModel, Tensor } from 'align-wasm';
import { read_held_out } from '../scripts/evaluate.mjs';
import { CHECKPOINT, make_checkpoint } from './models.mjs';

const DTYPES = ['fp32', 'fp16', 'bf16', 'q8', 'q4'];
const ROUNDS = 9;
const examples = new URL('../examples/', import.meta.url);
const path = (url) => fileURLToPath(new URL(url, import.meta.url));

const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const best = (row, rows) => rows.reduce((k, other, i) => (dot(row, other) > dot(row, rows[k]) ? i : k), 0);

function convert(model, dtype, folder) {
  const file = join(folder, `${dtype}.safetensors`);
  const args = [path('../dist/cli/main.js'), 'convert', model, '-o', file, '--dtype', dtype, '--force'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return file;
}

/** { images, texts }: rows by the embedded model as `file` has it. */
async function embed_icons(file, pictures, labels) {
  const align = await Align.load(file);
  const rows = { images: await align.embed_image(pictures), texts: await align.embed_text(labels) };
  return { rows, model: align.model };
}

/** Smooth pictures: sums of cosines with counted phases and few periods. */
function pictures_of(count, side) {
  return Array.from({ length: count }, (_, n) => {
    const at = (i) => {
      const [c, y, x] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side];
      return 0.5 * Math.cos((c + 1) * (n + 1) + (7 * y) / side) + 0.5 * Math.cos(n + (11 * x) / side);
    };
    return new Tensor(
      'float32',
      Float32Array.from({ length: 3 * side * side }, (_, i) => at(i)),
      [1, 3, side, side],
    );
  });
}

async function embed_base(file, pictures, texts) {
  const model = await AlignModel.from_pretrained(file, { device: 'wasm' });
  const images = [];
  for (const pixel_values of pictures)
    images.push((await model.get_image_features({ pixel_values })).pooler_output.data);
  const { data } = (await model.get_text_features({ input_ids: texts })).pooler_output;
  const width = data.length / texts.dims[0];
  return {
    rows: {
      images,
      texts: Array.from({ length: texts.dims[0] }, (_, i) => data.slice(i * width, (i + 1) * width)),
    },
    model,
  };
}

/** Best time of one picture and of one text of 64 tokens by each model. */
async function times(models) {
  const tokens = new Tensor(
    'int64',
    Array.from({ length: 64 }, (_, i) => 5 + ((i * 7919) % 4000)),
    [1, 64],
  );
  const result = models.map(() => ({ vision: Infinity, text: Infinity }));
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, model] of models.entries()) {
      const [side] = [model.config.vision_config.image_size].flat();
      const pixel_values = pictures_of(1, side)[0];
      for (const [tower, call] of Object.entries({
        vision: () => model.get_image_features({ pixel_values }),
        text: () => model.get_text_features({ input_ids: tokens }),
      })) {
        const start = performance.now();
        await call();
        result[i][tower] = Math.min(result[i][tower], performance.now() - start);
      }
    }
  return result;
}

async function table(title, model, embed) {
  const folder = await mkdtemp(join(tmpdir(), 'align-accuracy-'));
  const rows = [];
  const models = [];
  try {
    for (const dtype of DTYPES) {
      const file = convert(model, dtype, folder);
      const result = await embed(file);
      rows.push({ dtype, bytes: (await stat(file)).size, rows: result.rows });
      models.push(result.model);
      await rm(file);
    }
    const ms = await times(models);
    const [exact] = rows;
    console.log(`\n${title}\n`);
    console.log(
      '| dtype | cosine, pictures: least, mean | texts: least, mean | same best label | file | time, vision | text |',
    );
    console.log('|---|---|---|---|---|---|---|');
    for (const [i, { dtype, bytes, rows: own }] of rows.entries()) {
      const cosines = (kind) => {
        const all = own[kind].map((row, j) => cosine(row, exact.rows[kind][j]));
        return `${Math.min(...all).toFixed(5)}, ${(all.reduce((a, b) => a + b) / all.length).toFixed(5)}`;
      };
      const kept = own.images.filter(
        (row, j) => best(row, own.texts) === best(exact.rows.images[j], exact.rows.texts),
      ).length;
      const share = (tower) => (ms[i][tower] / ms[0][tower]).toFixed(2);
      console.log(
        `| \`${dtype}\` | ${cosines('images')} | ${cosines('texts')} | ${((100 * kept) / own.images.length).toFixed(1)} % ` +
          `| ${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB | ${share('vision')} | ${share('text')} |`,
      );
    }
  } finally {
    for (const loaded of models) loaded.dispose();
    await rm(folder, { recursive: true });
  }
}

const sets = [...(await read_held_out()).values()].flatMap(({ names, pictures }) =>
  pictures.map(([i, png]) => [names[i], png]),
);
const files = (await readdir(new URL('pictures/', examples))).filter((name) => name.endsWith('.png')).sort();
const pictures = [
  ...sets.map(([, png]) => png),
  ...(await Promise.all(files.map((name) => readFile(new URL(`pictures/${name}`, examples))))),
];
const lines = (await readFile(new URL('labels.txt', examples), 'utf8')).trim().split('\n');
const labels = [...new Set([...sets.map(([name]) => name), ...lines])];
await table(
  `embedded model, ${pictures.length} pictures, ${labels.length} texts; time of one picture and of a text of 64 tokens`,
  path('../weights/checkpoint'),
  (file) => embed_icons(file, pictures, labels),
);

await make_checkpoint();
const smooth = pictures_of(8, 289);
const words = new Tensor(
  'int64',
  Array.from({ length: 32 * 10 }, (_, i) => (i * i * 7919 + 13) % 30522),
  [32, 10],
);
await table(
  `align-base shape, weights not trained, ${smooth.length} pictures of 289 pixels, 32 texts of 10 tokens`,
  CHECKPOINT,
  (file) => embed_base(file, smooth, words),
);
