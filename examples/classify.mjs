// A picture and some labels in, scores out. Run it from the repository after `npm start`: node examples/classify.mjs

import { Align } from 'align-wasm';

const model = await Align.load();
const scores = await model.classify('examples/pictures/sailboat.png', ['a sailboat', 'a bicycle', 'a pizza']);
for (const { label, score } of scores) console.log(score.toFixed(3), label);
model.dispose();
