// Workers for models in browsers. Not in browser_base.ts: the script of such a worker has that, too, and tools that follow
// the scripts of workers would come back to it.

import type { ModelWorker, ThreadEvents } from './platform.ts';
import { ALIVE } from './worker_lock.ts';

/**
 * A worker for a model, in one file, as workers have no import map. Browsers do not tell when a worker ends by itself: it holds
 * a lock for as long as it lives, where there are locks (pages from https: or localhost), and whoever asks for it is given it
 * then.
 */
function offload(events: ThreadEvents): ModelWorker {
  const { locks } = navigator as Partial<Navigator>;
  const name = locks ? `align-wasm ${crypto.randomUUID()}` : '';
  const worker = new Worker(new URL('../bundle/browser_worker.js', import.meta.url), {
    type: 'module',
    name,
  });
  worker.onmessage = ({ data }) => {
    if (data === ALIVE) void locks!.request(name, () => events.lost(new Error('it has ended')));
    else events.message(data);
  };
  worker.onerror = ({ message }) => events.lost(new Error(message || 'its script does not load'));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    ref: () => undefined,
    unref: () => undefined,
    end: () => {
      worker.terminate();
      return Promise.resolve();
    },
  };
}

/** An extension's service worker has no workers. */
export const workers: { offload?: typeof offload } = typeof Worker === 'undefined' ? {} : { offload };
