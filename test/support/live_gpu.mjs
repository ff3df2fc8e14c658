// Programs with a model on a GPU: `dispose` frees it and goes on for a while, `end` leaves it to the end of the process,
// `none` has no GPU to be found, `given` hands one over that nobody else keeps.

import { Align } from '../../dist/index.js';

const [how] = process.argv.slice(2);
const align = await Align.load(undefined, {
  device: how === 'none' ? 'auto' : 'webgpu',
  gpu: how === 'given' ? (await import('webgpu')).create([]) : undefined,
  towers: 'text',
});
for (let i = 0; how === 'given' && i < 4; i++) {
  globalThis.gc();
  await new Promise((later) => setTimeout(later, 10)); // what is collected ends between tasks
}
const { length } = await align.embed_text('a sailboat');
console.log(`${align.model.device} ${length}`);
if (how === 'dispose') align.dispose();
