// A thread beside the tests of a mutant, which ends the process when one test takes too much of the processor, or the
// process too much memory: a loop that never ends is a mutant found. It counts the processor's time, so a busy machine
// finds no more mutants than an idle one.

import { workerData } from 'node:worker_threads';

const CPU_SECONDS = 10;
const MEMORY = 2 ** 31;
const { begun } = workerData;

let test = -1;
let since = 0;
setInterval(() => {
  const { user, system } = process.cpuUsage();
  const seconds = (user + system) / 1e6;
  if (test !== begun[0]) [test, since] = [begun[0], seconds];
  if (seconds - since > CPU_SECONDS || process.memoryUsage.rss() > MEMORY)
    process.kill(process.pid, 'SIGKILL');
}, 250);
