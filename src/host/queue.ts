// One call at a time: a model has one arena, so its calls wait for each other in the order they came.

import { unless_aborted } from './abort.ts';
import { throw_if_aborted, within_memory } from './errors.ts';

/** Runs tasks one after another. A task that fails does not stop the ones behind it. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * The result of `task`, which starts when all earlier tasks are settled.
   * A signal that fires rejects at once: a task that still waits never starts, one under way notices by itself.
   * @throws AlignError `aborted`
   */
  run<T>(signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      throw_if_aborted(signal);
      return within_memory(task);
    });
    this.#last = turn.catch(() => undefined);
    return unless_aborted(turn, signal);
  }
}
