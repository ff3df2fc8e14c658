// A progress_callback whose promise rejects, on the calling thread and from a worker.

import { describe, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import type { ProgressInfo } from '../../src/host/options.ts';
import { CHECKPOINT } from './zero_shot.ts';

describe('progress_callback that rejects', () => {
  const thrown = new Error('enough');
  const places = [
    ['the first event', 'initiate', {}],
    ['the last event', 'ready', {}],
    ['in the middle, of a worker', 'progress', { worker: true }],
    ['the last event of a worker', 'ready', { worker: true }],
  ] as const;
  test.each(places)('fails the load as one that throws: %s', async (_, at, options) => {
    const unhandled: unknown[] = [];
    const hear = (error: unknown): number => unhandled.push(error);
    process.on('unhandledRejection', hear);
    const progress_callback = async ({ status }: ProgressInfo): Promise<void> => {
      if (status === at) await Promise.reject(thrown);
    };
    await expect(Align.load(CHECKPOINT, { ...options, progress_callback })).rejects.toBe(thrown);
    await new Promise((turn) => setTimeout(turn, 20));
    process.off('unhandledRejection', hear);
    expect(unhandled).toEqual([]);
  });
});
