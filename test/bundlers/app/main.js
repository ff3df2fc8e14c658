// The app: answers on the page, by the package's workers and in a worker of its own; printed, and left in `result`.

import { violations } from './violations.js';
import { answer } from './answer.js';

const pictures = await Promise.all(
  ['scissors.png', 'photo.jpg'].map(async (name) => {
    const response = await fetch(new URL(name, document.baseURI));
    return new Uint8Array(await response.arrayBuffer());
  }),
);

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const from_worker = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
});
worker.postMessage(pictures);
const inside = await from_worker;
const answers = [
  await answer(pictures),
  await answer(pictures, { worker: true, threads: 2 }),
  ...inside.answers,
];

document.querySelector('output').textContent = answers[0].digest;
globalThis.result = { answers, violations: [violations, inside.violations] };
