// A model's worker that also says what its isolate holds, whenever it is asked.

import { workerData, type MessagePort } from 'node:worker_threads';
import { settled, watch_wasm } from './memory.ts';

watch_wasm();
const port = workerData as MessagePort;
port.on('message', () => void settled(0).then((bytes) => port.postMessage(bytes)));
port.unref();
await import('../../src/host/platform/node_worker.ts');
