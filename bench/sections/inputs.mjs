// What comes before the model: labels to ids, photos to pixel_values. One core, public API.

import { readFile } from 'node:fs/promises';
import encode_jpeg, { init } from '@jsquash/jpeg/encode.js';
import { BertTokenizer, EfficientNetImageProcessor } from 'align-wasm';
import { alternate, make_random, timed } from '../measure.mjs';

const LABELS = 100_000;
const TOKENS = 8; // of a label, [CLS] and [SEP] among them
const [WIDTH, HEIGHT] = [4032, 3024]; // 12 megapixels, as phones take them
const SIDE = 346; // pixels, what the published preprocessor_config.json resizes to
const FILTERS = { bilinear: 2, bicubic: 3, lanczos: 1 }; // Pillow's numbers

/** Different labels of whole words of the embedded model's vocabulary. */
function make_labels(words) {
  const random = make_random();
  const word = () => words[(random() >>> 8) % words.length];
  return Array.from({ length: LABELS }, () => Array.from({ length: TOKENS - 2 }, word).join(' '));
}

/** A picture with something of every size: waves of many lengths, and a little noise as a sensor has. */
function make_photo() {
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
  const wave = (length) => Float32Array.from({ length: WIDTH + HEIGHT }, (_, i) => 30 * Math.sin(i / length));
  const [long, middle, short] = [wave(190), wave(23), wave(3)];
  const random = make_random();
  for (let y = 0, to = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++, to += 4) {
      const light = 128 + middle[x] + short[y] + (random() >> 28);
      data[to] = light + long[x + y];
      data[to + 1] = light + long[y];
      data[to + 2] = light - long[x];
      data[to + 3] = 255;
    }
  return { data, width: WIDTH, height: HEIGHT };
}

/** The picture as a JPEG file, baseline 4:2:0 as phones write it. */
async function to_jpeg(photo) {
  const place = import.meta.resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm');
  await init(await WebAssembly.compile(await readFile(new URL(place))));
  return new Uint8Array(await encode_jpeg(photo, { quality: 90, progressive: false, auto_subsample: false }));
}

/** RGB of RGBA. */
function without_alpha({ data, width, height }) {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) rgb.set(data.subarray(from, from + 3), to);
  return { data: rgb, width, height };
}

export async function inputs(bench) {
  const tokenizer = await BertTokenizer.from_pretrained();
  const words = tokenizer.convert_ids_to_tokens(Array.from({ length: tokenizer.vocab_size }, (_, id) => id));
  const labels = make_labels(words.filter((word) => /^[a-z]{3,}$/.test(word)));
  const { dims } = tokenizer.call(labels).input_ids; // throws where labels differ in length
  const processor = await EfficientNetImageProcessor.from_pretrained();
  const photo = make_photo();
  const file = await to_jpeg(photo);
  const rgb = without_alpha(photo);
  const process = (image, resample) => processor.call(image, { size: SIDE, resample });

  const size = `${WIDTH} × ${HEIGHT}`;
  const contestants = {
    [`${dims[0]} labels of ${dims[1]} tokens to ids`]: () => tokenizer.call(labels),
    ...Object.fromEntries(
      Object.entries(FILTERS).map(([name, resample]) => [
        `${size} RGB to ${SIDE} × ${SIDE}, ${name}`,
        () => process(rgb, resample),
      ]),
    ),
    [`${size} JPEG of ${(file.length / 1e6).toFixed(1)} MB, decoded and bilinear`]: () =>
      process(file, FILTERS.bilinear),
  };
  const times = await alternate(Object.values(contestants).map(timed), bench.rounds);
  const { name } = await bench.place('node');
  const common = { section: 'inputs', where: name, who: 'align-wasm', unit: 'ms' };
  for (const [i, work] of Object.keys(contestants).entries())
    bench.record({ ...common, work, id: `inputs | ${i}`, ...times[i] });
}
