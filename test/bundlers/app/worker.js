// A worker of the app's own: alone, then with a thread more, which there is where the page is isolated.

import { violations } from './violations.js';
import { answer } from './answer.js';

onmessage = async ({ data: pictures }) => {
  postMessage({ answers: [await answer(pictures), await answer(pictures, { threads: 2 })], violations });
};
