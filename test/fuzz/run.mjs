// npm run fuzz -- [--seconds N] [--files N] [--seed S] [--first I] [--only NAME]: tries mutated files on every reader and
// prints one row a target. Seconds and files are a target's; without either, 10 seconds. The targets run in a thread, so
// that one that never returns is seen: this process names its file and ends it.

import { Worker } from 'node:worker_threads';
import { bundle_of } from '../support/bundled.mjs';
import { any_seed, flags } from '../support/flags.mjs';

const HANG_MS = 20_000;

const given = flags({ seconds: 'number', files: 'number', seed: 'number', first: 'number', only: 'text' });
const order = {
  seed: given.seed ?? any_seed(),
  first: given.first ?? 0,
  files: given.files ?? Number.MAX_SAFE_INTEGER,
  seconds: given.seconds ?? (given.files === undefined ? 10 : Infinity),
  only: given.only ?? null,
};
console.log(`seed ${order.seed}`);

// The thread says which target it begins, and writes the number of each file here.
const file = new Int32Array(new SharedArrayBuffer(4));
const worker = new Worker(await bundle_of('test/fuzz/main.ts'), { workerData: { order, file } });
let target = 'no target';
let last = '';
const place = () => `${target}, file ${file[0]} of seed ${order.seed}`;
const watch = setInterval(() => {
  if (place() === last) {
    console.log(`hang: ${last} has not ended for ${HANG_MS / 1000} s`);
    process.exit(1);
  }
  last = place();
}, HANG_MS);
worker.on('message', (name) => (target = name));
worker.on('error', (error) => {
  console.log(`${place()} ended the thread:`, error);
  process.exit(1);
});
worker.on('exit', (code) => {
  clearInterval(watch);
  process.exitCode = code;
});
