// A signal that fires before every continuation of a load or a call, or before many of them where there are very many: evenly
// apart, or at random where more points are asked for.

import { Dice } from '../fuzz/dice.ts';
import { test_gpu } from '../kernels/support/gpu.ts';
import type { Align } from '../../src/host/align.ts';
import type { CallOptions } from '../../src/host/options.ts';
import { hostile_server, type HostileServer } from '../support/hostile_server.ts';
import { WatchedGpu } from '../support/watched_gpu.ts';
import { also_count, census } from './census.ts';
import { before_continuation, count_continuations, spread } from './continuations.ts';
import { Tally, type At, type FaultKind, type Order, type Row } from './harness.ts';
import { JOB_NAMES, JOBS, load, loads, tiny, type Loader, type Tiny } from './tiny.ts';

/** Points tried of one load or call, evenly apart, where no number of random ones is asked for. */
const MOST = 16;

/** Which continuations of `count` are aborted before. */
function chosen(count: number, { points, seed }: Order): number[] {
  if (points === null) return spread(count, MOST);
  const dice = new Dice(seed);
  return Array.from({ length: points }, () => 1 + dice.below(count));
}

/** Batches of one, and a turn of the event loop wherever one can be. */
const CALL: CallOptions = { batch_size: 1, yield_ms: 0.001 };

/** What is aborted, by a name for it. */
interface Subject {
  readonly name: string;
  readonly call: (signal: AbortSignal) => Promise<string>;
}

async function interrupted(what: string, subjects: readonly Subject[], at: At, order: Order): Promise<Row> {
  const { signal: never } = new AbortController();
  for (const { call } of subjects) await call(never); // what is made once is made before anything is counted
  const before = await census();
  const tally = new Tally(`abort: ${what}`, ['aborted'], at);
  for (const { name, call } of subjects) {
    const right = await call(never);
    const count = await count_continuations(() => call(never));
    for (const nth of chosen(count, order)) {
      const controller = new AbortController();
      await tally.point(
        `${name}, at ${nth} of ${count}`,
        () => before_continuation(nth, () => controller.abort(), () => call(controller.signal)), // prettier-ignore
        right,
        () => call(never),
      );
    }
  }
  return tally.finish(before);
}

const loading = ([name, open]: readonly [string, Loader]): Subject => ({
  name,
  call: async (signal) => {
    using align = await open({ signal });
    return await JOBS.embed_text(align);
  },
});

const running = (align: Align): Subject[] =>
  JOB_NAMES.map((job) => ({ name: job, call: (signal) => JOBS[job](align, { ...CALL, signal }) }));

/** The model on a web server, as a folder and packed. */
function remote(server: HostileServer): readonly (readonly [string, Loader])[] {
  const from = (path: string): Loader => {
    return (o) => load(`${server.url}/${path}`, { ...o, cache: false });
  };
  return [
    ['a URL', from('m')],
    ['a URL of a packed file', from('packed/model.safetensors')],
    ['a URL, with the rows of words', (o) => from('m')({ ...o, embeddings: 'rows' })],
  ];
}

function served({ files, packed }: Tiny): Promise<HostileServer> {
  const own = Object.entries(files).map(([name, content]) => [`/m/${name}`, Buffer.from(content)] as const);
  return hostile_server({ ...Object.fromEntries(own), '/packed/model.safetensors': packed });
}

export const abort: FaultKind = {
  name: 'abort',
  async run(at, order) {
    const model = await tiny();
    const { folder } = model;
    const server = await served(model);
    const watched = await WatchedGpu.open(test_gpu());
    also_count('GPU buffers', () => watched.buffers.size);
    also_count('answers under way', () => server.under_way.size);
    const on_gpu: Loader = (o) => load(folder, { device: 'webgpu', gpu: watched.gpu, ...o });
    const in_worker: Loader = (o) => load(folder, { worker: true, ...o });

    const local = [...loads(model), ['with worker: true', in_worker] as const];
    const rows = [
      await interrupted('load from this machine', local.map(loading), at, order),
      await interrupted('load from a server', remote(server).map(loading), at, order),
      await interrupted('load on a GPU', [loading(['a folder', on_gpu])], at, order),
    ];
    const calls: [string, Loader][] = [
      ['one thread', (o) => load(folder, o)],
      ['two threads', (o) => load(folder, { threads: 2, ...o })],
      ['a worker', in_worker],
      ['a GPU', on_gpu],
    ];
    for (const [where, open] of calls) {
      using align = await open();
      rows.push(await interrupted(`calls on ${where}`, running(align), at, order));
    }
    await server.close();
    model.close();
    return rows;
  },
};
