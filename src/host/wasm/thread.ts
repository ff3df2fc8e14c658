// What a thread of a pool does: it sleeps until there is a run, computes its share of every op, and sleeps again.

import {
  control_words,
  has_come,
  JOB,
  LEFT,
  RUN,
  sleep,
  wake,
  type Job,
  type Report,
  type Setup,
} from './control.ts';
import type { ThreadExports } from './exports.ts';

/** Serves runs for ever. `report` speaks to the pool. */
export function serve(setup: Setup, report: (report: Report) => void): never {
  const { module, memory, control, part, parts } = setup;
  // Writes the module's data into the shared memory once more: constants, the same that are there.
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const exports = instance.exports as unknown as ThreadExports;
  const words = control_words(memory, control);
  report('ready');
  for (let run = 0; ;) {
    Atomics.wait(words, RUN, run);
    run = Atomics.load(words, RUN);
    try {
      take_part(exports, words, control, part, parts);
    } catch (trap) {
      report({ run, trap: String(trap) });
    }
    Atomics.store(words, LEFT + part, run);
    Atomics.notify(words, LEFT + part);
  }
}

/** One run, to its end or until it is called off. */
function take_part(
  exports: ThreadExports,
  words: Int32Array,
  control: number,
  part: number,
  parts: number,
): void {
  // Nobody writes the job again before this thread has arrived at the last op, or has left.
  const [base, records, count, weights, arena] = words.slice(JOB, JOB + 5) as unknown as Job;
  exports.bind(weights, arena);
  for (let done = 0; ;) {
    done = exports.execute_part(control, base, records, done, count, part, parts);
    const target = base + parts * done;
    if (has_come(words, target)) wake(words);
    if (done === count || !has_come(words, base)) return;
    sleep(words, target);
  }
}
