// The icons of four sets that the embedded model was never trained on, and how they are drawn: black on white or in their
// own colours.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Resvg } from '@resvg/resvg-js';

const SIZE = 48; // pixels, what the embedded model sees
const MARGIN = 2; // pixels on every side

/** What is no plain drawing of a plain name: styles, variants, numbers, flags, shades of skin. */
const LEFT_OUT = {
  tabler: /\d|-off$|-filled$|^brand-|^letter-/,
  ph: /\d|-(bold|duotone|fill|light|thin)$|-logo/,
  carbon: /\d|--|^logo-/,
  twemoji: /\d|^flag-|-skin-tone/,
};

export const SETS = Object.keys(LEFT_OUT);

const modules = new URL('../../node_modules/@iconify-json/', import.meta.url);
const read_json = async (path) => JSON.parse(await readFile(new URL(path, modules), 'utf8'));

/** The same choice every time, in no order that means anything. */
export const by_hash = (names) => {
  const hash = (name) => createHash('sha256').update(name).digest('hex');
  return names.toSorted((a, b) => (hash(a) < hash(b) ? -1 : 1));
};

/** A set's names, its licence, and `draw(name)`, which gives a PNG. */
export async function read_set(set) {
  const info = await read_json(`${set}/info.json`);
  const { icons, width = 16, height = width } = await read_json(`${set}/icons.json`);
  return {
    names: Object.keys(icons).filter((name) => !LEFT_OUT[set].test(name)),
    licence: `${info.name} by ${info.author.name}, ${info.author.url}, ${info.license.spdx}`,
    draw: (name) => draw(icons[name].body, Math.max(width, height)),
  };
}

function draw(body, side) {
  const scale = (SIZE - 2 * MARGIN) / side;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}" color="black">` +
    `<rect width="${SIZE}" height="${SIZE}" fill="white"/>` +
    `<g transform="translate(${MARGIN} ${MARGIN}) scale(${scale})">${body}</g></svg>`;
  return new Resvg(svg).render().asPng();
}

/** Writes a safetensors file of [name, { dtype, shape, data }]. */
export async function write_tensors(file, tensors, metadata) {
  let end = 0;
  const header = { __metadata__: metadata };
  for (const [name, { dtype, shape, data }] of tensors)
    header[name] = { dtype, shape, data_offsets: [end, (end += data.length)] };
  const text = JSON.stringify(header);
  const head = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(head.length));
  await writeFile(file, Buffer.concat([size, head, ...tensors.map(([, { data }]) => data)]));
}
