// Draws held_out.safetensors: 125 icons of each of four sets that the embedded model was never trained on, black on white
// or in their own colours. A tensor `set/name` holds the bytes of one PNG. Run it to make the file again:
// node weights/eval/make.mjs

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Resvg } from '@resvg/resvg-js';

const SIZE = 48; // pixels, what the embedded model sees
const MARGIN = 2; // pixels on every side
const COUNT = 125; // of each set

/** What is no plain drawing of a plain name: styles, variants, numbers, flags, shades of skin. */
const LEFT_OUT = {
  tabler: /\d|-off$|-filled$|^brand-|^letter-/,
  ph: /\d|-(bold|duotone|fill|light|thin)$|-logo/,
  carbon: /\d|--|^logo-/,
  twemoji: /\d|^flag-|-skin-tone/,
};

const modules = new URL('../../node_modules/@iconify-json/', import.meta.url);
const read_json = async (path) => JSON.parse(await readFile(new URL(path, modules), 'utf8'));

/** The same choice every time, in no order that means anything. */
const by_hash = (names) => {
  const hash = (name) => createHash('sha256').update(name).digest('hex');
  return names.toSorted((a, b) => (hash(a) < hash(b) ? -1 : 1));
};

function draw(body, side) {
  const scale = (SIZE - 2 * MARGIN) / side;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}" color="black">` +
    `<rect width="${SIZE}" height="${SIZE}" fill="white"/>` +
    `<g transform="translate(${MARGIN} ${MARGIN}) scale(${scale})">${body}</g></svg>`;
  return new Resvg(svg).render().asPng();
}

const pictures = [];
const licences = {};
for (const [set, left_out] of Object.entries(LEFT_OUT)) {
  const info = await read_json(`${set}/info.json`);
  const { icons, width, height = width } = await read_json(`${set}/icons.json`);
  licences[set] = `${info.name} by ${info.author.name}, ${info.author.url}, ${info.license.spdx}`;
  const names = by_hash(Object.keys(icons).filter((name) => !left_out.test(name))).slice(0, COUNT);
  for (const name of names.toSorted())
    pictures.push([`${set}/${name.replaceAll('-', ' ')}`, draw(icons[name].body, Math.max(width, height))]);
}

let end = 0;
const header = { __metadata__: licences };
for (const [name, { length }] of pictures) {
  header[name] = { dtype: 'U8', shape: [length], data_offsets: [end, end + length] };
  end += length;
}
const text = JSON.stringify(header);
const head = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
const size = Buffer.alloc(8);
size.writeBigUInt64LE(BigInt(head.length));
const file = new URL('held_out.safetensors', import.meta.url);
await writeFile(file, Buffer.concat([size, head, ...pictures.map(([, png]) => png)]));
console.log(`${pictures.length} pictures, ${end} bytes`);
