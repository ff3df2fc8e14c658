// The label that fits each picture best: deno task label PICTURE…

import { Align } from 'align-wasm';

const names =
  'airplane bicycle bus camera dog fish guitar house lock pizza rocket sailboat scissors star tree umbrella';

const model = await Align.load();
const labels = await model.label_set(names.split(' '));
for (const path of Deno.args) {
  const [{ label, score }] = await model.classify(path, labels);
  console.log(`${(100 * score).toFixed(0).padStart(3)} %  ${label.padEnd(8)}  ${path}`);
}
model.dispose();
