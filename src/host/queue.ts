// One call at a time: a model has one arena, so its calls wait for each other in the order they came.

import { AlignError, throw_if_aborted, within_memory } from './errors.ts';

/** Runs tasks one after another. A task that fails does not stop the ones behind it. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * The result of `task`, which starts when all earlier tasks are settled.
   * A signal that fires while the task still waits rejects at once, and the task never starts.
   * @throws AlignError `aborted`
   */
  run<T>(signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      throw_if_aborted(signal);
      return within_memory(task);
    });
    this.#last = turn.catch(() => undefined);
    return signal ? or_aborted(turn, signal) : turn;
  }
}

/** `turn`, or a rejection as soon as `signal` fires: a task under way notices by itself and its outcome is dropped. */
function or_aborted<T>(turn: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void =>
      reject(new AlignError('aborted', 'The call was aborted', { cause: signal.reason }));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
