// The workers that models start with `worker: true`, as a test watches, ends and breaks them.

import { vi } from 'vitest';
import { platform } from '../../src/host/platform/node.ts';
import type { ModelWorker } from '../../src/host/platform/platform.ts';
import { watching, type Watched } from './watched_workers.ts';

const start = platform.offload!;

/** Watches every worker started from now on; vi.restoreAllMocks() ends it. */
export function watch_workers(): Watched<ModelWorker> {
  const workers = watching(start);
  vi.spyOn(platform as Required<typeof platform>, 'offload').mockImplementation(workers.start);
  return workers.watched;
}

/** An exception that nobody catches, in the worker. */
export function crash(worker: ModelWorker): void {
  worker.post(null, []);
}
