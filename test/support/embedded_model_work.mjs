// What a program does with the embedded model: texts, both kinds of picture, labels, an index.

import { readFile } from 'node:fs/promises';
import { Align } from '../../dist/index.js';

const file = (path) => readFile(new URL(`../../${path}`, import.meta.url));
const model = await Align.load();
const pictures = [await file('examples/pictures/lock.png'), await file('test/runtimes/photos/baseline.jpg')];
const [best] = await model.classify(pictures[0], ['a lock', 'a sailing boat']);
const index = await model.create_index();
for (const [i, embedding] of (await model.embed_image(pictures)).entries()) index.add(i, embedding);
const [found] = index.search(await model.embed_text('a lock'), 1);
console.log(best.label, found.id);
await Align.load('no such folder').catch(({ code }) => console.log(code));
model.dispose();
