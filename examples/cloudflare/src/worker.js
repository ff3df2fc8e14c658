// POST a picture, get its labels. Only the vision tower runs here: labels.mjs has embedded the labels already.

import { Align, LabelSet } from 'align-wasm';
import icons from 'align-wasm/align-icons';
import { picture_endpoint } from '../../endpoint.js';
import bytes from '../labels.bin';

const labels = LabelSet.from_bytes(bytes);
let model;
const load = () =>
  (model ??= Align.load(icons, { towers: 'vision', max_pixels: 4_000_000 }).catch((error) => {
    model = undefined; // the next request tries again
    throw error;
  }));

const answer = picture_endpoint({
  about: { name: 'POST a picture (PNG, JPEG), get the three labels that fit it best', labels: labels.labels },
  classify: async (picture, options) => (await load()).classify(picture, labels, { top_k: 3, ...options }),
  max_bytes: 4 * 2 ** 20, // a Worker has 128 MB: the model and one decoded picture take some 40 of them
  max_held: 16 * 2 ** 20,
  max_ms: 10_000,
  max_requests: 256,
});

export default {
  fetch(request, _env, context) {
    const answered = answer(request);
    // Others wait for the model behind this request: it goes on where its client is gone.
    context.waitUntil(answered);
    return answered;
  },
};
