// The control block that the threads of a pool share, at the start of their memory: how a run is announced, and how its
// threads meet. Arriving and spinning is WebAssembly's (assembly/plan/barrier.ts), sleeping and waking is in here.
//
// No wake-up is lost. A sleeper counts itself in PARKED, then waits only if ARRIVED still has the value that it saw; the
// last to arrive adds to ARRIVED, then looks at PARKED. Whichever comes second sees what the other has done.

/** Bytes of the block. */
export const CONTROL_BYTES = 256;

// Words of the block; what is written often has a cache line of its own.

/** Counts up by one for every part that arrives at an op. */
export const ARRIVED = 0;
/** How many sleep until ARRIVED changes. */
export const PARKED = 16;
/** Number of the latest run. Threads between runs sleep until it changes. */
export const RUN = 32;
/** What a run is, in the order of {@link Job}. */
export const JOB = 33;
/** For each part, the number of the latest run that it has left. */
export const LEFT = 48;

/** ARRIVED falls behind the run's base by this when the run is called off. */
export const CALLED_OFF: number = 2 ** 30;

/** A run: the value of ARRIVED at its beginning, where its records are, how many, where weights and arena begin. */
export type Job = readonly [base: number, records: number, count: number, weights: number, arena: number];

/** What a thread is started with. */
export interface Setup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of the control block. */
  readonly control: number;
  readonly part: number;
  readonly parts: number;
}

/** What a thread says: that it is ready, or that a run trapped. */
export type Report = 'ready' | { readonly run: number; readonly trap: string };

export function control_words(memory: WebAssembly.Memory, control: number): Int32Array {
  return new Int32Array(memory.buffer, control, CONTROL_BYTES / 4);
}

/** Whether ARRIVED has come to `target`; it wraps. */
export function has_come(words: Int32Array, target: number): boolean {
  return ((Atomics.load(words, ARRIVED) - target) | 0) >= 0;
}

/** Wakes whoever sleeps until ARRIVED changes. */
export function wake(words: Int32Array): void {
  if (Atomics.load(words, PARKED) > 0) Atomics.notify(words, ARRIVED);
}

/** Sleeps until ARRIVED changes, unless it has come to `target`, or for `ms` milliseconds: then false. */
export function sleep(words: Int32Array, target: number, ms?: number): boolean {
  const seen = Atomics.load(words, ARRIVED);
  if (((seen - target) | 0) >= 0) return true;
  Atomics.add(words, PARKED, 1);
  const outcome = Atomics.wait(words, ARRIVED, seen, ms);
  Atomics.sub(words, PARKED, 1);
  return outcome !== 'timed-out';
}
