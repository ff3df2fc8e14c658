// A program that awaits a call of a model in a worker, and leaves the model to the end of the process.

import { Align } from '../../dist/index.js';

const align = await Align.load(undefined, { worker: true });
const vector = await align.embed_text('a sailboat');
console.log(vector instanceof Float32Array ? 'a vector' : 'nothing');
