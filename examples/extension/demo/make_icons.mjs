// The icon files of the demo page: node examples/extension/demo/make_icons.mjs. Tabler's (MIT), and a font with three glyphs of our own.

import { readFileSync, writeFileSync } from 'node:fs';
import { Resvg } from '@resvg/resvg-js';
import { font } from './make_font.mjs';

const { icons } = JSON.parse(
  readFileSync(new URL('../../../node_modules/@iconify-json/tabler/icons.json', import.meta.url)),
);
const LICENCE = '<!-- Tabler Icons, Copyright (c) 2020-2025 Paweł Kuna, MIT -->';
const XMLNS = 'xmlns="http://www.w3.org/2000/svg"';
const svg = (body) => `${LICENCE}\n<svg ${XMLNS} viewBox="0 0 24 24" width="24" height="24">${body}</svg>\n`;
const save = (name, data) => writeFileSync(new URL(name, import.meta.url), data);

for (const name of ['calendar', 'paperclip', 'camera', 'bell', 'lock'])
  save(`${name}.svg`, svg(icons[name].body));

const symbols = ['printer', 'download'].map(
  (name) => `<symbol id="${name}" viewBox="0 0 24 24">${icons[name].body}</symbol>`,
);
save('sprite.svg', svg(symbols.join('')));

const sheet = ['cloud', 'folder', 'star'].map(
  (name, i) => `<g transform="translate(${48 * i} 0) scale(2)">${icons[name].body}</g>`,
);
save(
  'sheet.png',
  new Resvg(`<svg ${XMLNS} width="144" height="48" color="#1b1c1f">${sheet.join('')}</svg>`).render().asPng(),
);

// Outlines in a square of 1000 units; the y axis points up.
save(
  'glyphs.ttf',
  font('Demo Glyphs', {
    0xe001: [
      [
        [200, 100],
        [200, 900],
        [850, 500],
      ],
    ], // play
    0xe002: [
      [
        [430, 100],
        [430, 430],
        [100, 430],
        [100, 570],
        [430, 570],
        [430, 900],
        [570, 900],
        [570, 570],
        [900, 570],
        [900, 430],
        [570, 430],
        [570, 100],
      ],
    ], // add
    0xe003: [
      [
        [200, 100],
        [200, 900],
        [400, 900],
        [400, 100],
      ],
      [
        [600, 100],
        [600, 900],
        [800, 900],
        [800, 100],
      ],
    ], // pause
  }),
);
