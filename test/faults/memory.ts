// No memory left: every allocation of loading and of every call fails in turn, alone, and then with all that follow.

import type { Align } from '../../src/host/align.ts';
import type { AlignErrorCode } from '../../src/host/errors.ts';
import { RawImage } from '../../src/host/image.ts';
import { AlignModel } from '../../src/host/models.ts';
import { AlignIndex } from '../../src/host/search/align_index.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { allocations, KINDS, run_short, let_allocations_fail, type Kind } from './allocations.ts';
import { census } from './census.ts';
import { Tally, type At, type FaultKind, type Row } from './harness.ts';
import {
  answers_of_index,
  forward,
  JOB_NAMES,
  JOBS,
  JPEG,
  load,
  loads,
  tiny,
  type JobName,
  type Loader,
  type Tiny,
} from './tiny.ts';

/** A machine without memory is said to be one. */
const CODES: readonly AlignErrorCode[] = ['out_of_memory', 'limit_exceeded', 'too_large'];

/** What fails: a call of objects that were just made, so that they allocate all that they ever do. */
interface Subject {
  readonly name: string;
  /** The one kind of allocation that it is for. */
  readonly only?: Kind;
  /** Makes the objects; gives the call, which can be repeated, and what frees them. */
  readonly make: () => Promise<{ call: () => Promise<string>; free: () => void }>;
}

const loading = ([name, open]: readonly [string, Loader]): Subject => ({
  name: `load ${name}`,
  make: () =>
    Promise.resolve({
      call: async () => {
        using align = await open();
        return await JOBS.embed_text(align);
      },
      free: () => undefined,
    }),
});

const running = (model: string, open: () => Promise<Align>, jobs: readonly JobName[]): Subject[] =>
  jobs.map((job) => ({
    name: `${job} (${model})`,
    make: async () => {
      const align = await open();
      return { call: () => JOBS[job](align), free: () => align.dispose() };
    },
  }));

const INDEXES: readonly Subject[] = (['fp32', 'int8', 'binary'] as const).flatMap((dtype) => [
  {
    name: `an index of ${dtype}`,
    make: async () => {
      const index = await AlignIndex.create({ dimensions: 64, dtype });
      return { call: () => answers_of_index(index), free: () => index.dispose() };
    },
  },
  {
    name: `make an index of ${dtype}`,
    make: () =>
      Promise.resolve({
        call: async () => {
          using index = await AlignIndex.create({ dimensions: 64, dtype });
          return await answers_of_index(index);
        },
        free: () => undefined,
      }),
  },
]);

/** So many ops that align.wasm's own heap has to grow for their records. */
const DEEP: Subject = {
  name: 'load and forward, many layers',
  only: 'memory.grow',
  make: () =>
    Promise.resolve({
      call: async () => {
        using model = await AlignModel.from_pretrained(golden('deep'), { device: 'wasm' });
        return await forward(model);
      },
      free: () => undefined,
    }),
};

function subjects(model: Tiny): Subject[] {
  return [
    ...loads(model).map(loading),
    ...running('fp32', () => load(model.folder), JOB_NAMES),
    ...running('q8', () => load(model.packed), ['forward with taps']),
    ...running('2 threads', () => load(model.folder, { threads: 2 }), ['forward with taps']),
    DEEP,
    ...INDEXES,
  ];
}

/** Every allocation of a kind in each subject's call fails, as many as it has where none does. */
async function exhausted(kind: Kind, on: boolean, all: readonly Subject[], at: At): Promise<Row> {
  await RawImage.read(JPEG); // its decoder is kept, but dropped after a failure
  const before = await census();
  const tally = new Tally(`memory: ${kind}, ${on ? 'the k-th and all later ones' : 'the k-th'}`, CODES, at);
  for (const { name, make, only } of all) {
    if (only !== undefined && only !== kind) continue;
    const { call, free } = await make();
    run_short({ kind, nth: Infinity, on });
    const right = await call();
    const count = allocations();
    run_short(null);
    free();
    for (let nth = 1; nth <= count; nth++) {
      const made = await make();
      const short = async (): Promise<string> => {
        run_short({ kind, nth, on });
        try {
          return await made.call();
        } finally {
          run_short(null);
        }
      };
      await tally.point(`${name}, number ${nth} of ${count}`, short, right, made.call);
      made.free();
    }
  }
  await RawImage.read(JPEG);
  return tally.finish(before);
}

export const memory: FaultKind = {
  name: 'memory',
  async run(at) {
    const stop = let_allocations_fail();
    const model = await tiny();
    const all = subjects(model);
    // What is made once for all models, such as compiled modules, is made before anything is counted.
    for (const { make } of all) {
      const { call, free } = await make();
      await call();
      free();
    }
    const rows: Row[] = [];
    for (const kind of KINDS) for (const on of [false, true]) rows.push(await exhausted(kind, on, all, at));
    model.close();
    stop();
    return rows;
  },
};
