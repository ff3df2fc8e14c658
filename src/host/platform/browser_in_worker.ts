// The worker of a model in browsers, from the inside: all of a browser, but no workers for other models. Its threads are
// started by whoever started it: see browser_workers.ts for why a worker does not always.

import webgpu from '../webgpu/index.ts';
import { browser_gpu, GPU_HINT, platform as base } from './browser_base.ts';
import type { Gpus, Platform, Thread, ThreadEvents } from './platform.ts';
import { END, type ThreadNews, type ThreadOrder } from './worker_notes.ts';

function spawn(events: ThreadEvents): Thread {
  const { port1: port, port2: thread } = new MessageChannel();
  port.onmessage = ({ data }: MessageEvent<ThreadNews>) =>
    'lost' in data ? events.lost(new Error(data.lost)) : events.message(data.message);
  postMessage({ thread } satisfies ThreadOrder, { transfer: [thread] });
  return {
    post: (message) => port.postMessage(message),
    unref: () => undefined,
    end: () => {
      port.postMessage(END);
      port.close();
      return Promise.resolve();
    },
  };
}

export { pictures } from './browser_base.ts';
export const platform: Platform = { ...base, spawn };
export const gpus: Gpus = { webgpu, gpu: browser_gpu, gpu_hint: GPU_HINT };
