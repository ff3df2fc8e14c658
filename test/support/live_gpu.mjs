// Programs with a model on a GPU: `dispose` frees it and goes on for a while, `end` leaves it to the end of the process,
// `none` has no GPU to be found.

import { Align } from '../../dist/index.js';

const [how] = process.argv.slice(2);
const align = await Align.load(undefined, { device: how === 'none' ? 'auto' : 'webgpu', towers: 'text' });
const { length } = await align.embed_text('a sailboat');
console.log(`${align.model.device} ${length}`);
if (how === 'dispose') align.dispose();
