// Workers in browsers: threads, and workers for models. Not in browser_base.ts: the script of a model's worker has that, too,
// and tools that follow the scripts of workers would come back to it.

import type { ModelWorker, Thread, ThreadEvents } from './platform.ts';
import { ALIVE, END, type ThreadNews, type ThreadOrder } from './worker_notes.ts';

function hear_loss(worker: Worker, events: ThreadEvents): void {
  worker.onerror = ({ message }) => events.lost(new Error(message || 'its script does not load'));
}

function spawn(events: ThreadEvents): Thread {
  const worker = new Worker(new URL('./browser_thread.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => events.message(data);
  hear_loss(worker, events);
  return {
    post: (message) => worker.postMessage(message),
    unref: () => undefined, // a page ends with all its workers
    end: () => {
      worker.terminate();
      return Promise.resolve();
    },
  };
}

/** Starts a thread that a model's worker asked for; gives what ends it. */
function spawn_for({ thread: port }: ThreadOrder): () => void {
  const tell = (news: ThreadNews): void => port.postMessage(news);
  const lost = (cause: unknown): void => tell({ lost: (cause as Error).message });
  try {
    const thread = spawn({ message: (message) => tell({ message }), lost });
    const end = (): void => void thread.end();
    port.onmessage = ({ data }) => (data === END ? end() : thread.post(data));
    return end;
  } catch (cause) {
    lost(cause);
    return () => undefined;
  }
}

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
  const ends = [() => worker.terminate()];
  worker.onmessage = ({ data }: MessageEvent<typeof ALIVE | ThreadOrder | object>) => {
    if (data === ALIVE) void locks!.request(name, () => events.lost(new Error('it has ended')));
    else if (typeof data === 'object' && 'thread' in data) ends.push(spawn_for(data));
    else events.message(data);
  };
  hear_loss(worker, events);
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    ref: () => undefined,
    unref: () => undefined,
    end: () => {
      for (const end of ends) end();
      return Promise.resolve();
    },
  };
}

/**
 * Whether a worker may be started from here. Not by an extension's service worker, which has none; and not by a worker of
 * Firefox: now and then its `new Worker` never returns (153; 1 in 200 beside a page that is busy for 50 ms at a time), and
 * nothing in that worker could notice.
 */
function may_start(): boolean {
  if (typeof Worker === 'undefined') return false;
  const { document, navigator } = globalThis as Partial<typeof globalThis>;
  return document !== undefined || !/\bGecko\/\d/.test(navigator?.userAgent ?? '');
}

export const workers: { spawn?: typeof spawn; offload?: typeof offload } = may_start()
  ? { spawn, offload }
  : {};
