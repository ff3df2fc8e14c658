// Points in time of asynchronous code that do not depend on the clock: before its n-th continuation, which is what runs when
// a promise that was waited for is settled, and after n turns of the event loop.

import { promiseHooks } from 'node:v8';

/** How many continuations ran while `task` did. */
export async function count_continuations(task: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const stop = promiseHooks.onBefore(() => count++);
  try {
    await task();
  } finally {
    (stop as () => void)();
  }
  return count;
}

/** Runs `task`, and `action` once before its `nth` continuation; not at all where it has fewer. */
export async function before_continuation<T>(
  nth: number,
  action: () => void,
  task: () => Promise<T>,
): Promise<T> {
  let count = 0;
  const stop = promiseHooks.onBefore(() => {
    if (++count === nth) action();
  });
  try {
    return await task();
  } finally {
    (stop as () => void)();
  }
}

/** `count` turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resume) => setImmediate(resume));
}

/** Up to `most` whole numbers from 1 to `count`, evenly apart. */
export function spread(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, i) => 1 + Math.floor((i * count) / taken));
}
