// Waiting for something that an abort need not wait for.

import { aborted, throw_if_aborted } from './errors.ts';

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
