// The worker of a model in Node, Deno and Bun.

import { parentPort, type Transferable as NodeTransferable } from 'node:worker_threads';
import { serve } from '../offload/server.ts';

const receive = serve((message, transfer) =>
  parentPort!.postMessage(message, transfer as readonly NodeTransferable[]),
);
parentPort!.on('message', receive);
