// Draws examples/pictures/*.png and their LICENSES.md from icon sets that the embedded model was never trained on.
// Run it after changing the list: node examples/make_pictures.mjs

import { readFile, writeFile } from 'node:fs/promises';
import { Resvg } from '@resvg/resvg-js';

const SIZE = 160; // pixels
const MARGIN = 16; // pixels on every side

/** What the picture shows (and its file name), icon set, icon in it, ground, ink (single-colour sets). */
const PICTURES = [
  ['airplane', 'ph', 'airplane-tilt-fill', 'white', '#1f4e9e'],
  ['bicycle', 'ph', 'bicycle', 'white', 'black'],
  ['fish', 'ph', 'fish', 'white', 'black'],
  ['guitar', 'ph', 'guitar-duotone', 'transparent', '#7a3b12'],
  ['lock', 'tabler', 'lock', 'white', 'black'],
  ['mushroom', 'tabler', 'mushroom-filled', 'transparent', '#9e2a2b'],
  ['scissors', 'tabler', 'scissors', 'white', 'black'],
  ['dog', 'twemoji', 'dog-face', 'transparent', null],
  ['pizza', 'twemoji', 'pizza', 'white', null],
  ['sailboat', 'twemoji', 'sailboat', 'white', null],
  ['bus', 'carbon', 'bus', 'white', 'black'],
  ['camera', 'carbon', 'camera', 'transparent', 'black'],
  ['trophy', 'carbon', 'trophy', 'white', 'black'],
  ['umbrella', 'carbon', 'umbrella', 'white', '#5b2a86'],
];

const pictures = new URL('pictures/', import.meta.url);
const modules = new URL('../node_modules/@iconify-json/', import.meta.url);
const read_json = async (url) => JSON.parse(await readFile(url, 'utf8'));

const rows = [];
for (const [name, set, icon, ground, ink] of PICTURES) {
  const info = await read_json(new URL(`${set}/info.json`, modules));
  const { icons, width, height = width } = await read_json(new URL(`${set}/icons.json`, modules));
  if (!icons[icon]) throw new Error(`no icon "${icon}" in ${set}`);
  const scale = (SIZE - 2 * MARGIN) / Math.max(width, height);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}" color="${ink ?? 'black'}">` +
    (ground === 'white' ? `<rect width="${SIZE}" height="${SIZE}" fill="white"/>` : '') +
    `<g transform="translate(${MARGIN} ${MARGIN}) scale(${scale})">${icons[icon].body}</g></svg>`;
  await writeFile(new URL(`${name}.png`, pictures), new Resvg(svg).render().asPng());
  const licence = info.license.spdx;
  const change = `drawn at ${SIZE} px on a ${ground} ground${ink ? `, ink ${ink}` : ''}`;
  rows.push(
    `| ${name}.png | \`${icon}\` of [${info.name}](${info.author.url}) | ${info.author.name} | ${licence} | ${change} |`,
  );
}

await writeFile(
  new URL('LICENSES.md', pictures),
  `# Where the example pictures come from

None of these icon sets was used to train the embedded model. Written by \`examples/make_pictures.mjs\`.

| picture | source | author | licence | changes |
|---|---|---|---|---|
${rows.join('\n')}

- MIT: the text is that of LICENSE at the root of this repository, with the lines \`Copyright (c) 2022 Phosphor Icons\` and
  \`Copyright (c) 2020-2025 Paweł Kuna\`.
- Apache-2.0: <https://www.apache.org/licenses/LICENSE-2.0>
- CC-BY-4.0: <https://creativecommons.org/licenses/by/4.0/> (Twemoji, copyright Twitter, Inc and other contributors)
`,
);
console.log(`${rows.length} pictures`);
