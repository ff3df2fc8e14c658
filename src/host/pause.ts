// Giving the event loop its turn while something is computed, so that timers fire and aborts are heard.

import { platform } from '#platform';
import { throw_if_aborted } from './errors.ts';

/** How long is computed at most, unless a caller says otherwise, before an abort can be heard. */
export const YIELD_MS = 16;

/** Checks for which a clock may stand still: Workers' clocks do while they compute. */
const STILL = 32;

/** When the event loop had its last turn, as far as is known; whoever computes goes by it, run after run. */
let turned = -Infinity;

/** One turn of the event loop. */
export async function turn(): Promise<void> {
  await platform.turn();
  turned = performance.now();
}

/** Asked between ops: a promise when it is time for a pause, else nothing. */
export type Pause = () => Promise<void> | undefined;

/** A pause every `ms` milliseconds of computing; none where it is 0. It rejects with `aborted` once `signal` has fired. */
export function pause_every(ms: number, signal: AbortSignal | undefined): Pause {
  let seen = 0;
  let still = 0;
  return () => {
    if (ms === 0) return undefined;
    const now = performance.now();
    still = now === seen ? still + 1 : 0;
    seen = now;
    if (now < turned + ms && still < STILL) return undefined;
    still = 0;
    return turn().then(() => throw_if_aborted(signal));
  };
}
