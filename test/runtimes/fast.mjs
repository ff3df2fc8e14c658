// Prints what `precision: 'fast'` runs here, and its largest error against the exact build on the deep golden model.

import { AlignModel, Tensor } from 'align-wasm';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../golden/deep', import.meta.url));
const pixels = Float32Array.from({ length: 3 * 64 * 96 }, (_, i) => Math.sin(i / 7)); // smooth: noise makes 55 random blocks chaotic
const ids = BigInt64Array.from({ length: 12 }, (_, i) => BigInt(1 + ((i * 7) % 20)));
const inputs = {
  pixel_values: new Tensor('float32', pixels, [1, 3, 64, 96]),
  input_ids: new Tensor('int64', ids, [2, 6]),
};

const exact = await (await AlignModel.from_pretrained(folder)).forward(inputs);
const model = await AlignModel.from_pretrained(folder, { precision: 'fast' });
const fast = await model.forward(inputs);

let error = 0;
for (const name of ['text_embeds', 'image_embeds']) {
  const [a, b] = [exact[name].data, fast[name].data];
  const largest = Math.max(...a.map(Math.abs));
  error = Math.max(error, ...a.map((value, i) => Math.abs(value - b[i]) / largest));
}
console.log(JSON.stringify({ precision: model.precision, error: String(error) }));
