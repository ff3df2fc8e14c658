// What is seen of the tab: the only pixels that there are of another host's pictures.

import { ask } from '../ask.js';
import { frame_of } from './unnamed.js';

let capture = null;

/** The next crop is of what is seen then. */
export function forget_capture() {
  capture = null;
}

/** The part of the tab's picture within `box` of `element`, light where it is dark. @throws where it is out of sight */
export async function cropped(element, { x, y, width, height }) {
  const [left, top] = frame_place(element);
  const box = new DOMRect(x + left, y + top, width, height);
  const seen = box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
  if (!seen || box.width < 1) throw new Error('it is of another host and not wholly in sight');
  capture ??= ask('capture').then(async (src) => {
    const image = Object.assign(new Image(), { src });
    await image.decode();
    return image;
  });
  const image = await capture;
  const scale = image.naturalWidth / innerWidth;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [box.width, box.height].map((size) => Math.ceil(size * scale));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, -box.left * scale, -box.top * scale);
  if (is_dark(context.getImageData(0, 0, 1, 1).data)) {
    context.globalCompositeOperation = 'difference'; // with white: the negative
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  return canvas;
}

/** Where the frame that shows `element` begins in the tab. */
function frame_place(element) {
  const frame = frame_of(element);
  if (!frame) return [0, 0];
  const [outer, { x, y }, style] = [
    frame_place(frame),
    frame.getBoundingClientRect(),
    getComputedStyle(frame),
  ];
  return [
    outer[0] + x + frame.clientLeft + parseFloat(style.paddingLeft),
    outer[1] + y + frame.clientTop + parseFloat(style.paddingTop),
  ];
}

const is_dark = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b < 100;
