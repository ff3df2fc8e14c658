// Where the icon of a button is: the largest thing in it that is drawn.

import { layers_of } from './layers.js';
import { children_of, content_of } from './unnamed.js';

/** Pixels: what is larger is a picture. */
const LARGEST = 96;
const ICON_FONT = /icon|symbol|awesome|glyph/i;

/** { kind, element, box, … } of the icon in `element`, or null. `box` is where it is in the window. */
export function icon_of(element) {
  const icons = [...drawn_in(element)].filter(({ box }) => box.width > 0 && box.height > 0);
  if (icons.some(({ box }) => Math.max(box.width, box.height) > LARGEST)) return null;
  const area = ({ box }) => box.width * box.height;
  return icons.sort((a, b) => area(b) - area(a))[0] ?? null;
}

function* drawn_in(element) {
  const box = element.getBoundingClientRect();
  if (element.localName === 'svg') return yield { kind: 'svg', element, box };
  if (element.localName === 'img' || element.type === 'image')
    return yield { kind: 'image', element, box, src: element.currentSrc || element.src };
  for (const part of [null, '::before', '::after']) {
    const style = getComputedStyle(element, part);
    if (part && ['none', 'normal'].includes(style.content)) continue;
    const where = part ? box_of(style, box) : box;
    const src = picture_in(style.content);
    if (src) yield { kind: 'image', element, box: where, src };
    for (const kind of ['mask', 'background']) {
      const layers = layers_of(style.getPropertyValue(`${kind}-image`)).map(picture_in);
      const layer = layers.findIndex(Boolean); // others are gradients
      if (layer >= 0) yield { kind, element, box: where, src: layers[layer], style, layer };
    }
    const text = part ? content_of(element, part) : '';
    if (is_glyph(text, style)) yield { kind: 'glyph', element, box: glyph_box(style, box), text, style };
  }
  for (const child of children_of(element)) {
    if (child.nodeType === Node.ELEMENT_NODE && child.checkVisibility({ visibilityProperty: true }))
      yield* drawn_in(child);
    else if (child.localName === 'slot') yield* drawn_in(child);
    else if (child.nodeType === Node.TEXT_NODE) {
      const [text, style] = [child.data.trim(), getComputedStyle(element)];
      if (is_glyph(text, style)) yield { kind: 'glyph', element, box: glyph_box(style, box), text, style };
    }
  }
}

/** The address of a computed value's picture: the first of an image-set. */
const picture_in = (value) =>
  /^(?:image-set\()?url\("((?:[^"\\]|\\.)*)"\)/.exec(value)?.[1].replace(/\\(.)/g, '$1');

/** A character of nobody's but the font's, or a word that an icon font draws as one sign. */
function is_glyph(text, { fontFamily }) {
  return /^\p{Co}+$/u.test(text) || (/^\w+$/.test(text) && ICON_FONT.test(fontFamily.split(',')[0]));
}

function glyph_box({ fontSize }, { x, y, width, height }) {
  const size = parseFloat(fontSize);
  return new DOMRect(x + (width - size) / 2, y + (height - size) / 2, size, size);
}

/** The box of a ::before or ::after, which has no rectangle of its own: in the middle of its element. */
function box_of(style, { x, y, width, height }) {
  const [w, h] = [parseFloat(style.width) || width, parseFloat(style.height) || height];
  return new DOMRect(x + (width - w) / 2, y + (height - h) / 2, w, h);
}
