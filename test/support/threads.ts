// The threads that models start, as a test watches, ends and breaks them: every one is started through #platform.

import { vi } from 'vitest';
import { platform } from '../../src/host/platform/node.ts';
import type { Thread, ThreadEvents } from '../../src/host/platform/platform.ts';

const start = platform.spawn!;

/** Threads since {@link watch_threads}. */
export interface Watched {
  /** All of them, in the order they were started. */
  readonly started: Thread[];
  /** How many of them are gone. */
  gone: number;
}

/**
 * Watches every thread started from now on; vi.restoreAllMocks() ends it.
 * @param change what becomes of the message that a thread is set up with
 */
export function watch_threads(change: (setup: unknown) => unknown = (setup) => setup): Watched {
  const watched: Watched = { started: [], gone: 0 };
  vi.spyOn(platform as Required<typeof platform>, 'spawn').mockImplementation((events: ThreadEvents) => {
    let alive = true;
    const thread = start({
      message: (message) => events.message(message),
      lost: (cause) => {
        if (alive) watched.gone++;
        alive = false;
        events.lost(cause);
      },
    });
    watched.started.push(thread);
    return { ...thread, post: (setup) => thread.post(change(setup)) };
  });
  return watched;
}
