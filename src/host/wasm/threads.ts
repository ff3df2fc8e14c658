// The threads of one executor: workers on its memory, asleep between runs, and the calling thread as part 0.
//
// The caller never blocks for longer than a slice: then the event loop has a turn, in which it is heard when a worker is
// gone. Whatever ends a run early (a trap, an abort, a lost worker) calls the others off and waits until they have left
// it, so nobody writes into memory that the next run uses.

import { platform } from '#platform';
import { AlignError } from '../errors.ts';
import type { Thread } from '../platform/platform.ts';
import { turn, type Pause } from '../pause.ts';
import {
  ARRIVED,
  CALLED_OFF,
  control_words,
  has_come,
  JOB,
  LEFT,
  RUN,
  sleep,
  wake,
  type Job,
  type Report,
  type Setup,
} from './control.ts';
import type { ThreadExports } from './exports.ts';

/** Longest sleep of the calling thread, in ms. */
const SLICE = 20;

/** Whether threads can run here and the calling thread may wait for them: a browser's main thread may not. */
export function threads_available(): boolean {
  if (platform.spawn === undefined || typeof SharedArrayBuffer === 'undefined') return false;
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** A run: where its records are, how many, where weights and arena begin. */
export interface Run {
  readonly records: number;
  readonly count: number;
  readonly weights: number;
  readonly arena: number;
}

export class Pool {
  readonly #words: Int32Array;
  readonly #control: number;
  /** The worker of part i + 1. */
  readonly #threads: Thread[] = [];
  /** Parts whose worker is gone. */
  readonly #lost = new Set<number>();
  #run = 0;
  /** Why a run cannot go on. */
  #failure: AlignError | null = null;
  #ended = false;

  private constructor(memory: WebAssembly.Memory, control: number) {
    this.#words = control_words(memory, control);
    this.#words.fill(0);
    this.#control = control;
  }

  /**
   * Starts `parts` − 1 workers on a memory. Nothing else may use the control block at `control`.
   * @throws AlignError `worker_lost` where one cannot be started
   */
  static async start(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    control: number,
    parts: number,
  ): Promise<Pool> {
    const pool = new Pool(memory, control);
    const setup = { module, memory, control, parts };
    const started = Array.from({ length: parts - 1 }, (_, i) => pool.#start({ ...setup, part: i + 1 }));
    try {
      await Promise.all(started);
    } catch (cause) {
      await pool.end();
      throw new AlignError('worker_lost', `A thread cannot be started: ${String(cause)}`, {
        hint: 'allow workers that read the package, or load with threads: 1',
        cause,
      });
    }
    return pool;
  }

  /** Whether a worker is gone: the pool serves no more runs. */
  get broken(): boolean {
    return this.#lost.size > 0;
  }

  /**
   * Computes a run, the caller's share with `exports`. A pool runs one at a time.
   * @throws AlignError `trap`, `worker_lost`, `disposed`, and what `pause` rejects with
   */
  async run(exports: ThreadExports, run: Run, pause: Pause | null): Promise<void> {
    const words = this.#words;
    const base = Atomics.load(words, ARRIVED);
    if (!this.broken) this.#failure = null;
    this.#run = (this.#run + 1) | 0;
    words.set([base, run.records, run.count, run.weights, run.arena] satisfies Job, JOB);
    Atomics.store(words, RUN, this.#run);
    Atomics.notify(words, RUN);
    try {
      await this.#take_part(exports, base, run, pause);
    } catch (error) {
      await this.#call_off(base);
      if (this.broken) await this.end();
      throw error;
    }
  }

  /** Ends all workers. A run under way throws `disposed`. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  /** Resolves when the worker is ready. */
  #start(setup: Setup): Promise<void> {
    const { part } = setup;
    return new Promise<void>((resolve, reject) => {
      const thread = platform.spawn!({
        message: (message) => {
          const report = message as Report;
          if (report === 'ready') resolve();
          else if (report.run === this.#run) this.#failure ??= trapped(report.trap);
        },
        lost: (cause) => {
          if (this.#ended || this.#lost.has(part)) return;
          this.#lost.add(part);
          this.#failure = new AlignError('worker_lost', `A thread is gone: ${String(cause)}`, {
            hint: 'call again: new threads are started',
            cause,
          });
          reject(this.#failure);
        },
      });
      this.#threads[part - 1] = thread;
      thread.post(setup);
    }).then(() => this.#threads[part - 1]!.unref());
  }

  async #take_part(exports: ThreadExports, base: number, run: Run, pause: Pause | null): Promise<void> {
    const words = this.#words;
    const parts = this.#threads.length + 1;
    for (let done = 0; ;) {
      if (this.#ended) throw new AlignError('disposed', 'The model was disposed');
      if (this.#failure) throw this.#failure;
      const last = pause ? Math.min(done + 1, run.count) : run.count;
      try {
        done = exports.execute_part(this.#control, base, run.records, done, last, 0, parts);
      } catch (cause) {
        throw trapped(cause);
      }
      const target = base + parts * done;
      if (has_come(words, target)) {
        wake(words);
        if (done === run.count) return;
        if (pause) await pause();
      } else if (!sleep(words, target, SLICE)) await turn();
    }
  }

  /** Sends all workers back to sleep and waits until they are out of the run. */
  async #call_off(base: number): Promise<void> {
    const words = this.#words;
    Atomics.store(words, ARRIVED, base - CALLED_OFF);
    Atomics.notify(words, ARRIVED);
    for (let part = 1; part <= this.#threads.length; part++) {
      while (!this.#ended && !this.#lost.has(part) && Atomics.load(words, LEFT + part) !== this.#run)
        if (Atomics.wait(words, LEFT + part, this.#run - 1, SLICE) !== 'ok') await turn();
    }
  }
}

function trapped(cause: unknown): AlignError {
  return new AlignError('trap', `align.wasm trapped in a run of several threads: ${String(cause)}`, {
    cause,
  });
}
