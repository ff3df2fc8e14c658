// node rasterise.mjs ITEMS OUT SIZE: draws every line of ITEMS (JSON: id, colour, x, y, side, body) at SIZE×SIZE.
// Writes OUT.mono (alpha, one byte a pixel), OUT.colour (premultiplied RGBA) and OUT.index ("id kind position" lines).
// resvg aborts the whole process on some drawings: the line being drawn is in OUT.at, and a restart goes on after it.

import { closeSync, existsSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Resvg } from '@resvg/resvg-js';

const [items, out, size_text] = process.argv.slice(2);
const size = Number(size_text);
const at_file = `${out}.at`;
const start = existsSync(at_file) ? Number(readFileSync(at_file, 'utf8')) + 1 : 0;
const [mono, colour, index] = ['mono', 'colour', 'index'].map((kind) => openSync(`${out}.${kind}`, 'a'));
const at = openSync(at_file, 'w');
const counts = { mono: fstatSync(mono).size / size ** 2, colour: fstatSync(colour).size / (4 * size ** 2) };

/** Premultiplied RGBA, or null for a drawing that is empty or that resvg refuses. */
function draw({ x, y, side, body }) {
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" color="black" ` +
    `viewBox="${x} ${y} ${side} ${side}" width="${size}" height="${size}">${body}</svg>`;
  try {
    const image = new Resvg(svg, { font: { loadSystemFonts: false } }).render();
    const pixels = image.pixels;
    let ink = 0;
    for (let i = 3; i < pixels.length; i += 4) ink += pixels[i];
    return pixels.length === 4 * size ** 2 && ink > 255 * 25 ? pixels : null;
  } catch {
    return null;
  }
}

for (const [i, line] of readFileSync(items, 'utf8').trimEnd().split('\n').entries()) {
  if (i < start) continue;
  writeSync(at, String(i).padStart(9), 0);
  const item = JSON.parse(line);
  const pixels = draw(item);
  if (pixels === null) continue;
  const kind = item.colour ? 'colour' : 'mono';
  if (item.colour) writeSync(colour, pixels);
  else
    writeSync(
      mono,
      Uint8Array.from({ length: size ** 2 }, (_, p) => pixels[4 * p + 3]),
    );
  writeSync(index, `${item.id} ${kind} ${counts[kind]++}\n`);
}
for (const file of [mono, colour, index, at]) closeSync(file);
