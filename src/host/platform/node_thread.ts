// A thread in Node, Deno and Bun.

import { parentPort } from 'node:worker_threads';
import type { Setup } from '../wasm/control.ts';
import { serve } from '../wasm/thread.ts';

parentPort!.once('message', (setup: Setup) => serve(setup, (report) => parentPort!.postMessage(report)));
