// The threads that models start, as a test watches, ends and breaks them: every one is started through #platform.

import { vi } from 'vitest';
import { platform } from '../../src/host/platform/node.ts';
import type { Thread } from '../../src/host/platform/platform.ts';
import { watching, type Watched } from './watched_workers.ts';

const start = platform.spawn!;

/**
 * Watches every thread started from now on; vi.restoreAllMocks() ends it.
 * @param change what becomes of the message that a thread is set up with
 */
export function watch_threads(change: (setup: unknown) => unknown = (setup) => setup): Watched<Thread> {
  const threads = watching(start);
  vi.spyOn(platform as Required<typeof platform>, 'spawn').mockImplementation((events) => {
    const thread = threads.start(events);
    return { ...thread, post: (setup) => thread.post(change(setup)) };
  });
  return threads.watched;
}
