// A document may not wait for threads, so its worker computes; the package's own worker does as well.

import { answer, violations } from './answer.js';

const worker = new Worker('worker.js', { type: 'module' });

function ask_worker() {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
    worker.postMessage(null);
  });
}

async function answers() {
  const own = await ask_worker();
  const package_worker = await answer({ worker: true, threads: 2 });
  return {
    isolated: crossOriginIsolated,
    answers: [own.answer, package_worker],
    violations: [...violations, ...own.violations],
  };
}

chrome.runtime.onMessage.addListener((question, _, reply) => {
  if (question !== 'offscreen document') return false;
  answers().then(reply, (error) => reply({ error: String(error?.stack ?? error) }));
  return true;
});
