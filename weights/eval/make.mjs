// Draws held_out.safetensors: 125 icons of each of four sets that the embedded model was never trained on. A tensor
// `set/name` holds the bytes of one PNG. Run it to make the file again: node weights/eval/make.mjs

import { by_hash, read_set, SETS, write_tensors } from './icons.mjs';

const COUNT = 125; // of each set

const pictures = [];
const licences = {};
for (const set of SETS) {
  const { names, licence, draw } = await read_set(set);
  licences[set] = licence;
  for (const name of by_hash(names).slice(0, COUNT).toSorted()) {
    const data = draw(name);
    pictures.push([`${set}/${name.replaceAll('-', ' ')}`, { dtype: 'U8', shape: [data.length], data }]);
  }
}
await write_tensors(new URL('held_out.safetensors', import.meta.url), pictures, licences);
console.log(`${pictures.length} pictures`);
