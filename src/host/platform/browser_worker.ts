// The worker of a model in browsers.

import { serve } from '../offload/server.ts';
import { ALIVE } from './worker_notes.ts';

const receive = serve((message, transfer) => postMessage(message, { transfer }));
onmessage = ({ data }: MessageEvent) => receive(data);
const { name: lock } = globalThis as unknown as { name: string };
if (lock !== '')
  void navigator.locks.request(lock, () => {
    postMessage(ALIVE);
    return new Promise(() => undefined); // for as long as it lives
  });
