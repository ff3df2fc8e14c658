// Draws held_out.safetensors: of each of four sets that the embedded model was never trained on, the 100 commonest names
// and 25 of the next 400 (names.json). A tensor `set/name` holds the bytes of one PNG. Run it to make the file again:
// node weights/eval/make.mjs

import { readFile } from 'node:fs/promises';
import { read_set, write_tensors } from './icons.mjs';

const COMMON = 100;
const STEP = 16; // of the other 400

const names = JSON.parse(await readFile(new URL('names.json', import.meta.url), 'utf8'));
const pictures = [];
const licences = {};
for (const [set, common] of Object.entries(names)) {
  const { licence, draw } = await read_set(set);
  licences[set] = licence;
  const chosen = common.filter((_, i) => i < COMMON || i % STEP === 0);
  for (const [name, icon] of chosen) {
    const data = draw(icon);
    pictures.push([`${set}/${name}`, { dtype: 'U8', shape: [data.length], data }]);
  }
}
await write_tensors(new URL('held_out.safetensors', import.meta.url), pictures, licences);
console.log(`${pictures.length} pictures`);
