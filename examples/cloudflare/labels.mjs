// Embeds the labels for the Worker; wrangler runs it before it bundles.

import { writeFile } from 'node:fs/promises';
import { Align } from 'align-wasm';

const names =
  'airplane bicycle bus camera dog fish guitar house lock pizza rocket sailboat scissors star tree umbrella';

const model = await Align.load();
const labels = await model.label_set(names.split(' '));
await writeFile(new URL('labels.bin', import.meta.url), labels.to_bytes());
model.dispose();
