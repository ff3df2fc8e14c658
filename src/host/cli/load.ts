// Loading a model for a command: the progress bar, the interruption, the time it took.

import { Align } from '../align.ts';
import type { LoadOptions } from '../options.ts';
import type { Io } from './io.ts';
import { Progress } from './text.ts';

/** The options that make a load visible and stoppable; `progress.clear()` when it is done. */
export function visible(io: Io): { options: LoadOptions; progress: Progress } {
  const progress = new Progress(io);
  return {
    progress,
    options: {
      signal: io.signal,
      progress_callback(info) {
        if (info.status === 'progress') progress.update('loading the model', info.loaded, info.total);
      },
    },
  };
}

/** The model a command was given, or the embedded one, and the ms that loading took. */
export async function load(
  model: string | undefined,
  io: Io,
  o: LoadOptions = {},
): Promise<{ align: Align; ms: number }> {
  const started = io.now();
  const { options, progress } = visible(io);
  try {
    return { align: await Align.load(model, { ...options, ...o }), ms: io.now() - started };
  } finally {
    progress.clear();
  }
}
