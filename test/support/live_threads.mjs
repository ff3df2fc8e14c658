// A program that leaves its model, and so its threads, to the end of the process.

import { Align } from '../../dist/index.js';

const align = await Align.load(undefined, { threads: 2 });
await align.embed_text('a sailboat');
console.log(`${align.model.threads} threads`);
