// POST a picture, get its labels: as on Deno Deploy, or here by `deno task serve`.

import { Align } from 'align-wasm';
import { picture_endpoint } from '../endpoint.js';

const model = await Align.load(undefined, { max_pixels: 4_000_000 });
const names =
  'airplane bicycle bus camera dog fish guitar house lock pizza rocket sailboat scissors star tree umbrella';
const labels = await model.label_set(names.split(' '));

const answer = picture_endpoint({
  about: { name: 'POST a picture (PNG, JPEG), get the three labels that fit it best', labels: labels.labels },
  classify: (picture, options) => model.classify(picture, labels, { top_k: 3, ...options }),
  max_bytes: 4 * 2 ** 20,
  max_held: 64 * 2 ** 20, // all that are here
  max_ms: 10_000,
  max_requests: 256, // at some 10 ms a picture none of them waits too long
});

// Deploy has an address and a port of its own.
Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.args[0] ?? 8000) }, answer);
