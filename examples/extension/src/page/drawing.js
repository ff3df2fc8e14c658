// An icon as the model knows icons: dark or coloured, on a white square, with a margin.

import { cropped } from './capture.js';
import { icon_of } from './icon.js';
import { layer_places } from './layers.js';
import { svg_source } from './svg.js';

/** Pixels: twice what the model sees. */
const SIZE = 96;
const MARGIN = 8;
const INNER = SIZE - 2 * MARGIN;

/** A PNG as a data: address of a picture, or of the icon in a button; null where it holds none. */
export async function drawing(element) {
  const icon = element.localName === 'img' ? image_icon(element) : icon_of(element);
  if (!icon) return null;
  const { canvas, context } = sheet(element.ownerDocument);
  try {
    await painters[icon.kind](context, icon);
    return finished(canvas).toDataURL();
  } catch (error) {
    if (!['image', 'background', 'mask'].includes(icon.kind)) throw error;
    const seen = sheet();
    paint(seen.context, await cropped(element, icon.box));
    return finished(seen.canvas).toDataURL();
  }
}

const image_icon = (element) => ({
  kind: 'image',
  element,
  box: element.getBoundingClientRect(),
  src: element.currentSrc || element.src,
});

/** `owner`: the document whose fonts it may draw. */
function sheet(owner = document) {
  const canvas = Object.assign(owner.createElement('canvas'), { width: SIZE, height: SIZE });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  return { canvas, context };
}

/** Draws `image`, or a part of it, as large as the margins let. */
function paint(context, image, [x, y, width, height] = [0, 0, image.width || INNER, image.height || INNER]) {
  const scale = INNER / Math.max(width, height);
  const [w, h] = [width * scale, height * scale];
  context.drawImage(image, x, y, width, height, (SIZE - w) / 2, (SIZE - h) / 2, w, h);
}

const painters = {
  async svg(context, { element, box }) {
    const scale = INNER / Math.max(box.width, box.height);
    paint(context, await loaded(await svg_source(element, box, scale)));
  },

  async image(context, { src }) {
    paint(context, await loaded(src));
  },

  async background(context, { src, ...icon }) {
    const image = await loaded(src);
    paint(context, image, layer_places(image, icon));
  },

  /** The mask lets the colour of the ground through. */
  async mask(context, { src, ...icon }) {
    const image = await loaded(src);
    paint(context, image, layer_places(image, icon));
    tint(context, icon.style.backgroundColor);
  },

  async glyph(context, { element, text, style }) {
    const font = `${style.fontStyle} ${style.fontWeight} ${INNER}px ${style.fontFamily}`;
    await element.ownerDocument.fonts.load(font, text);
    Object.assign(context, { font, fillStyle: style.color });
    // In the middle by its ink: fonts place their glyphs as they like.
    const ink = context.measureText(text);
    const [left, right] = [-ink.actualBoundingBoxLeft, ink.actualBoundingBoxRight];
    const [top, bottom] = [-ink.actualBoundingBoxAscent, ink.actualBoundingBoxDescent];
    const scale = Math.min(1, INNER / Math.max(right - left, bottom - top));
    context.setTransform(scale, 0, 0, scale, SIZE / 2, SIZE / 2);
    context.fillText(text, -(left + right) / 2, -(top + bottom) / 2);
    context.resetTransform();
  },
};

/** A picture whose pixels may be read. What the browser has is not asked of the host again. @throws for other hosts' */
async function loaded(src) {
  const image = new Image();
  image.src = src.startsWith('data:') ? src : await data_url(src);
  await image.decode();
  return image;
}

async function data_url(src) {
  const response = await fetch(src, { cache: 'force-cache' });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const reader = new FileReader();
  reader.readAsDataURL(await response.blob());
  await new Promise((resolve, reject) => Object.assign(reader, { onload: resolve, onerror: reject }));
  return reader.result;
}

/** Everything that is not transparent in one colour. */
function tint(context, colour) {
  context.globalCompositeOperation = 'source-in';
  context.fillStyle = colour;
  context.fillRect(0, 0, SIZE, SIZE);
}

/** On white, in black if it is so light that it would vanish there. */
function finished(canvas) {
  const context = canvas.getContext('2d');
  if (vanishes(context.getImageData(0, 0, SIZE, SIZE).data)) tint(context, '#000');
  const { canvas: out, context: ground } = sheet();
  ground.fillStyle = '#fff';
  ground.fillRect(0, 0, SIZE, SIZE);
  ground.drawImage(canvas, 0, 0);
  return out;
}

function vanishes(pixels) {
  let [light, ink] = [0, 0];
  for (let i = 0; i < pixels.length; i += 4) {
    const [r, g, b, alpha] = [pixels[i], pixels[i + 1], pixels[i + 2], pixels[i + 3]];
    light += (0.2126 * r + 0.7152 * g + 0.0722 * b) * alpha;
    ink += alpha;
  }
  if (ink === 0) throw new Error('the icon is empty');
  const covered = ink / 255 / (INNER * INNER);
  return light / ink / 255 > 0.65 && covered < 0.9; // what covers everything brings its own ground
}
