// A thread of a model's pool, or the worker of a model, that is ended after any number of turns of a call or of loading.

import type { Align } from '../../src/host/align.ts';
import type { CallOptions } from '../../src/host/options.ts';
import { census, started } from './census.ts';
import { before_continuation, count_continuations, spread, turns } from './continuations.ts';
import { Tally, type At, type FaultKind, type Row } from './harness.ts';
import { JOBS, JOB_NAMES, load, tiny, type JobName } from './tiny.ts';

/** Points tried of one call. */
const MOST = 16;
const SLICES: CallOptions = { batch_size: 1, yield_ms: 0.001 };

/** The end of the worker that was ended last. */
let ended: Promise<void> | undefined;

/** Ends one of the workers that are there, the last to have been started: it is never one of an earlier point. */
const end_last = (of: keyof typeof started): void => void (ended = started[of].started.at(-1)?.end());

/** The next call: one that begins while a worker is still about to end may lose it, too. */
async function when_gone(call: () => Promise<string>): Promise<string> {
  await ended;
  return call();
}

/** Ends a thread before continuations of every kind of call, and at once: then the caller sleeps when it is gone. */
async function lost_threads(folder: string, at: At): Promise<Row> {
  using align = await load(folder, { threads: 3 });
  for (const job of JOB_NAMES) await JOBS[job](align);
  const before = await census();
  const tally = new Tally('threads: one of a pool is ended', ['worker_lost'], at);
  for (const job of JOB_NAMES)
    for (const options of [SLICES, {}]) {
      const call = (): Promise<string> => JOBS[job](align, options);
      const right = await call();
      const count = await count_continuations(call);
      for (const nth of [0, ...spread(count, MOST)]) {
        const faulty = (): Promise<string> => {
          if (nth === 0) end_last('threads');
          return before_continuation(nth, () => end_last('threads'), call);
        };
        await tally.point(`${job} (${JSON.stringify(options)}), at ${nth} of ${count}`, faulty, right, () =>
          when_gone(call),
        );
      }
    }
  return await tally.finish(before);
}

/** Ends the worker `count` turns after `call` began. */
async function without_worker(count: number, call: () => Promise<string>): Promise<string> {
  const answer = call();
  answer.catch(() => undefined); // it may end before the turns do
  await turns(count);
  end_last('workers');
  return await answer;
}

/** Ends the worker of a model after so many turns of each kind of call. */
async function lost_workers(folder: string, at: At): Promise<Row> {
  using align = await load(folder, { worker: true });
  for (const job of JOB_NAMES) await JOBS[job](align);
  const before = await census();
  const tally = new Tally("threads: a model's worker is ended", ['worker_lost'], at);
  for (const job of ['embed_text', 'embed_image, a JPEG', 'forward with taps'] satisfies JobName[]) {
    const call = (): Promise<string> => JOBS[job](align, SLICES);
    const right = await call();
    for (let count = 0; count < MOST; count++)
      await tally.point(
        `${job}, after ${count} turns`,
        () => without_worker(count, call),
        right,
        () => when_gone(call),
      );
  }
  return await tally.finish(before);
}

/** Ends the worker, or a thread, of a model that is being loaded. */
async function lost_while_loading(
  of: keyof typeof started,
  open: () => Promise<Align>,
  at: At,
): Promise<Row> {
  const call = async (): Promise<string> => {
    using align = await open();
    return await JOBS.embed_text(align);
  };
  const right = await call();
  const before = await census();
  const tally = new Tally(`threads: one of ${of} is ended while a model is loaded`, ['worker_lost'], at);
  const count = await count_continuations(call);
  for (const nth of spread(count, MOST)) {
    const already = started[of].started.length;
    const end = (): void => {
      if (started[of].started.length > already) end_last(of);
    };
    await tally.point(
      `at ${nth} of ${count}`,
      () => before_continuation(nth, end, call),
      right,
      () => when_gone(call),
    );
  }
  return await tally.finish(before);
}

export const threads: FaultKind = {
  name: 'threads',
  async run(at) {
    const model = await tiny();
    const { folder } = model;
    const rows = [
      await lost_threads(folder, at),
      await lost_workers(folder, at),
      await lost_while_loading('threads', () => load(folder, { threads: 2 }), at),
      await lost_while_loading('workers', () => load(folder, { worker: true }), at),
    ];
    model.close();
    return rows;
  },
};
