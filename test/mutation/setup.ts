// Before every test file of a mutant: the watchdog, which hears of every test that begins.

import { Worker } from 'node:worker_threads';
import { beforeEach } from 'vitest';

const process_wide = globalThis as { begun?: Int32Array };

function start(): Int32Array {
  const begun = new Int32Array(new SharedArrayBuffer(4));
  new Worker(new URL('./watchdog.mjs', import.meta.url), { workerData: { begun } }).unref();
  return begun;
}

const begun = (process_wide.begun ??= start());
Atomics.add(begun, 0, 1);
beforeEach(() => {
  Atomics.add(begun, 0, 1);
});
