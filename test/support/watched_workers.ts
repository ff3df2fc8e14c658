// Workers and threads as a test watches, ends and breaks them: what #platform starts them with, counted.

import type { Thread, ThreadEvents } from '../../src/host/platform/platform.ts';

/** What was started since watching began. */
export interface Watched<T> {
  /** All of them, in the order they were started. */
  readonly started: T[];
  /** How many of them are gone. */
  gone: number;
}

/** `start`, and what it has started. */
export function watching<T extends Pick<Thread, 'end'>>(
  start: (events: ThreadEvents) => T,
): { watched: Watched<T>; start: (events: ThreadEvents) => T } {
  const watched: Watched<T> = { started: [], gone: 0 };
  const counted = (events: ThreadEvents): T => {
    let alive = true;
    const worker = start({
      message: (message) => events.message(message),
      lost: (cause) => {
        if (alive) watched.gone++;
        alive = false;
        events.lost(cause);
      },
    });
    watched.started.push(worker);
    return worker;
  };
  return { watched, start: counted };
}
