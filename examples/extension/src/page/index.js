// In a page: gives names to buttons and links that have none, until they are undone. It is put into a page by the popup or by
// the context menu, perhaps twice, and there is nothing of the extension in any other page.

import { drawing } from './drawing.js';
import { forget_capture } from './capture.js';
import { Names } from './names.js';
import { show_panel } from './panel.js';
import { ask } from '../ask.js';

const names = new Names();

const calls = {
  list: () => names.list(),
  name: ({ threshold }) => names.begin(threshold),
  threshold: ({ threshold }) => names.set_threshold(threshold),
  refuse: ({ id, refused }) => names.refuse(id, refused),
  undo: () => names.undo(),

  async label({ src }) {
    const image = find_image(src);
    show_panel({ text: 'Looking at the picture …' }, image);
    try {
      forget_capture();
      show_panel({ scores: await ask('label', { picture: await drawing(image) }) }, image);
    } catch (error) {
      show_panel({ text: `It cannot be labelled: ${error.message}` }, image);
    }
  },
};

/** The picture with this address that is nearest to the middle of what is seen. */
function find_image(src) {
  const images = [...document.images].filter((image) => image.currentSrc === src || image.src === src);
  if (images.length === 0) return Object.assign(new Image(), { src }); // in a shadow root, or gone
  const far = (image) => {
    const { x, y, width, height } = image.getBoundingClientRect();
    return Math.hypot(x + width / 2 - innerWidth / 2, y + height / 2 - innerHeight / 2);
  };
  return images.sort((a, b) => far(a) - far(b))[0];
}

// A second copy of this script leaves everything to the first.
if (!globalThis.icon_namer) {
  globalThis.icon_namer = true;
  chrome.runtime.onMessage.addListener((message, _, answer) => {
    Promise.resolve(calls[message.kind](message)).then(
      (value) => answer({ value }),
      (error) => answer({ error: error.message }),
    );
    return true;
  });
}
