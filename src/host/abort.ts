// Waiting for something that an abort need not wait for.

import { aborted, throw_if_aborted, type AlignError } from './errors.ts';

/**
 * `task`, or `aborted` as soon as `signal` fires, even if `task` never settles. What the task gives after that goes to
 * `late`, so that it can be freed.
 */
export async function unless_aborted<T>(
  task: Promise<T>,
  signal: AbortSignal | undefined,
  late: (value: T) => void = () => undefined,
): Promise<T> {
  if (!signal) return task;
  let stop!: () => void;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(signal));
  });
  signal.addEventListener('abort', stop);
  try {
    throw_if_aborted(signal);
    return await Promise.race([task, stopped]);
  } catch (error) {
    task.then(late, () => undefined);
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Calls that end with what they belong to, each under a signal of its own: one for all would warn of its many listeners. */
export class Lifetime {
  readonly #calls = new Set<AbortController>();
  #end: AlignError | undefined;

  /** Runs `task` with a signal that fires as soon as `signal` does, or all ends. @throws what it has ended with */
  async run<T>(signal: AbortSignal | undefined, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    throw_if_aborted(signal);
    if (this.#end) throw this.#end;
    const call = new AbortController();
    const stop = (): void => call.abort(signal!.reason);
    this.#calls.add(call);
    signal?.addEventListener('abort', stop);
    try {
      return await task(call.signal);
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#calls.delete(call);
    }
  }

  /** Ends what runs, and whatever is to run later, with `error`. */
  end(error: AlignError): void {
    this.#end = error;
    for (const call of this.#calls) call.abort(error);
  }
}
