// Giving the event loop its turn while a plan runs, so that timers fire and aborts are heard.

import { throw_if_aborted } from './errors.ts';

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resume) => setTimeout(resume));
}

/** Asked between ops: a promise when it is time for a pause, else nothing. */
export type Pause = () => Promise<void> | undefined;

/** A pause every `ms` milliseconds of computing. It rejects with `aborted` once `signal` has fired. */
export function pause_every(ms: number, signal: AbortSignal | undefined): Pause {
  let until = performance.now() + ms;
  return () => {
    if (performance.now() < until) return undefined;
    return turn().then(() => {
      throw_if_aborted(signal);
      until = performance.now() + ms;
    });
  };
}
