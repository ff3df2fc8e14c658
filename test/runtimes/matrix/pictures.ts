// The 100 picture files of the matrix, all committed and as they are, and random ones where more are asked for. Every runtime
// decodes them by itself.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pictures } from '../../processor/pictures.ts';
import { golden, Random } from '../../processor/random.ts';
import { KINDS, random_png } from '../../support/png.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** 14 icons in colour, with transparency: the pictures of the examples. */
const ICONS = [
  ...['airplane', 'bicycle', 'bus', 'camera', 'dog', 'fish', 'guitar', 'lock', 'mushroom', 'pizza'],
  ...['sailboat', 'scissors', 'trophy', 'umbrella'],
].map((name) => `examples/pictures/${name}.png`);

/** 5 JPEG photographs. */
const PHOTOS = ['baseline', 'grey', 'progressive-422', 'restart-444', 'rotated'].map(
  (name) => `test/runtimes/photos/${name}.jpg`,
);

/**
 * 35 PNGs of the golden: the first 30 are one of each colour type (grey, RGB, palette, grey + alpha, RGBA) and depth (1 to
 * 16 bits), interlaced and not; then grey, RGB and palettes with transparent colours.
 */
const PNGS = [...Array.from({ length: 30 }, (_, i) => i), 37, 41, 44, 45, 48];

/** 46 JPEGs of the golden. */
const JPEGS = [
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation) => `EXIF orientation ${orientation}`),
  ...['EXIF in two segments', 'XMP orientation', 'EXIF before XMP', 'comment and profile'],
  ...['33x40 4:4:4 q95 progressive', '33x40 4:2:2 q75 progressive', '33x40 4:2:0 q75 progressive'],
  ...['17x31 4:4:4 q100 progressive', '9x17 4:2:0 q30 progressive', 'bands', 'bands 4:4:0'],
  ...['33x40 4:4:4 q100', '33x40 4:2:2 q75', '33x40 4:2:0 q30', '1x1 4:2:0 q75', '3x5 4:2:2 q90'],
  ...['33x40 grey', '1x1 grey', 'grey 2x2'],
  ...['33x40 CMYK', '17x31 CMYK', '16x16 CMYK', 'YCCK 4:2:0', 'YCCK 4:2:2 progressive'],
  ...['CMYK without Adobe', 'Adobe 2, four components', 'coarse, narrow CMYK'],
  ...['restart every 1 blocks', 'restart every row', 'restart 4:4:0'],
  ...['keep_rgb', 'component names RGB', 'Adobe 0'],
  ...['4x1 40x33', '1x4 40x33', '3x2 40x33', 'mixed sampling 2', 'scans apart'],
];

/** PNGs of every kind and many sizes, from nothing but their numbers. */
function* random_pngs(count: number): Generator<[name: string, png: Uint8Array]> {
  for (let i = 0; i < count; i++) {
    const random = new Random(i);
    const [colour, depths] = random.choice(KINDS);
    const [width, height, depth] = [1 + random.below(150), 1 + random.below(150), random.choice(depths)];
    const kind = { width, height, colour, depth, interlaced: random.chance(50) };
    yield [`random PNG ${i}`, random_png(i, kind, colour < 4 && random.chance(50))];
  }
}

/** The files by a name for each; `more` beyond the 100. */
export function matrix_pictures(more: number): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const path of [...ICONS, ...PHOTOS]) files.set(path, readFileSync(root + path));
  const { cases } = golden<{ cases: [colour: number, depth: number, interlaced: boolean, file: string][] }>(
    'png',
  );
  for (const i of PNGS) {
    const [colour, depth, interlaced, file] = cases[i]!;
    const name = `PNG ${i}: colour type ${colour}, ${depth} bits${interlaced ? ', interlaced' : ''}`;
    files.set(name, Buffer.from(file, 'base64'));
  }
  const jpegs = new Map(pictures('jpeg').map(({ name, file }) => [name, file]));
  for (const name of JPEGS) files.set(`JPEG: ${name}`, jpegs.get(name)!);
  for (const [name, png] of random_pngs(more)) files.set(name, png);
  return files;
}
