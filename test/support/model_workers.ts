// The workers that models start with `worker: true`, as a test watches, ends and breaks them.

import { vi } from 'vitest';
import { platform } from '../../src/host/platform/node.ts';
import type { ModelWorker, ThreadEvents } from '../../src/host/platform/platform.ts';

const start = platform.offload!;

/** Workers since {@link watch_workers}. */
export interface WatchedWorkers {
  readonly started: ModelWorker[];
  /** How many of them are gone. */
  gone: number;
}

/** Watches every worker started from now on; vi.restoreAllMocks() ends it. */
export function watch_workers(): WatchedWorkers {
  const watched: WatchedWorkers = { started: [], gone: 0 };
  vi.spyOn(platform as Required<typeof platform>, 'offload').mockImplementation((events: ThreadEvents) => {
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
  });
  return watched;
}

/** An exception that nobody catches, in the worker. */
export function crash(worker: ModelWorker): void {
  worker.post(null, []);
}
