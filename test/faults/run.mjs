// npm run faults [-- --only NAME] [--points N] [--seed S]: memory that runs out, aborts, lost GPUs, lost threads and networks that
// fail, at every point where they can, as one table. With --points, aborts at N random points of each load and call, and N
// random networks. It all happens in a thread, so that what never returns is seen: this process names the point and ends it.

import { Worker } from 'node:worker_threads';
import { bundle_of } from '../support/bundled.mjs';
import { any_seed, flags } from '../support/flags.mjs';

const HANG_MS = 60_000;

const {
  only = null,
  points = null,
  seed = any_seed(),
} = flags({ only: 'text', points: 'number', seed: 'number' });
const workerData = { only, points, seed };
console.log(`seed ${seed}`);
process.env.VK_ICD_FILENAMES ??= '/usr/lib/chromium/vk_swiftshader_icd.json';
process.env.XDG_RUNTIME_DIR ??= '/tmp';

const worker = new Worker(await bundle_of('test/faults/main.ts'), { workerData });
let point = 'no point';
const watch = () =>
  setTimeout(() => {
    console.log(`hang: ${point} has not ended for ${HANG_MS / 1000} s`);
    process.exit(1);
  }, HANG_MS);
let timer = watch();
worker.on('message', (name) => {
  point = name;
  clearTimeout(timer);
  timer = watch();
});
worker.on('error', (error) => {
  console.log(`${point} ended the thread:`, error);
  process.exit(1);
});
worker.on('exit', (code) => {
  clearTimeout(timer);
  process.exitCode = code;
});
