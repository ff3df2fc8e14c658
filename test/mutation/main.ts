// A run of the mutation test: README.md says how to start it and how to read what it leaves.

import { fileURLToPath } from 'node:url';
import { Bench } from './bench.ts';
import { Checkout } from './checkout.ts';
import { describe, type Mutation } from './mutations.ts';
import { RESULTS } from './report.ts';
import { Results, type Result } from './results.ts';
import { ordered } from './sample.ts';
import { tests_of } from './tests.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What the builds of align.wasm do not hold, or hold as data: README.md gives the reasons. */
const LEFT_OUT = [
  'assembly/wasi/',
  'assembly/threads.ts',
  'assembly/plan/barrier.ts',
  'assembly/processor/unicode.ts',
];

export interface Order {
  /** How many mutants that are programs of their own there are to be. */
  readonly mutants: number;
  readonly seed: number;
  /** The beginning of the paths that are tried. */
  readonly only: string;
  /** Try what survived once more, and nothing else. */
  readonly survivors: boolean;
  /** Which of how many processes that share the work this is, from 0. */
  readonly part: number;
  readonly parts: number;
}

export async function run({ mutants, seed, only, survivors, part, parts }: Order): Promise<void> {
  const checkout = await Checkout.create(at(`../../.cache/mutation/${process.pid}`));
  const bench = await Bench.open(checkout.folder);
  try {
    const sources = Object.entries(checkout.sources('assembly'))
      .filter(([file]) => file.startsWith(only) && !LEFT_OUT.some((path) => file.startsWith(path))); // prettier-ignore
    const order = ordered(Object.fromEntries(sources), seed);
    await check_original(
      bench,
      sources.map(([file]) => file),
    );
    for (const [i, mutation] of order.entries()) {
      const results = new Results(RESULTS); // other processes add to it
      const known = results.get(describe(mutation));
      if (i % parts !== part || (survivors ? known?.state !== 'survived' : known !== undefined)) continue;
      if (!survivors && results.valid >= mutants) break;
      const before = performance.now();
      const result = await outcome(checkout, bench, mutation);
      results.add(result);
      const seconds = ((performance.now() - before) / 1000).toFixed(1);
      console.log(`${results.valid} ${seconds} s ${result.state} ${result.mutant} ${result.by ?? ''}`);
    }
    const places = new Set(order.map(describe));
    Results.tidy(RESULTS, ({ file, mutant }) => !file.startsWith(only) || places.has(mutant));
  } finally {
    await bench.close();
    checkout.remove();
  }
}

/** No test may fail on the original: a mutant would die of it. */
async function check_original(bench: Bench, files: readonly string[]): Promise<void> {
  const lists = files.map(tests_of);
  const together = [0, 1].map((i) => [...new Set(lists.flatMap((list) => list[i]!))]);
  const failure = await bench.run(together);
  for (const [file, ms] of Object.entries(bench.times)) console.log(`${(ms / 1000).toFixed(2)} s ${file}`);
  if (failure !== null) throw new Error(`${failure.test} fails without a mutant: ${failure.message}`);
}

async function outcome(checkout: Checkout, bench: Bench, mutation: Mutation): Promise<Result> {
  const about = { mutant: describe(mutation), file: mutation.file, operator: mutation.operator };
  const { module, same } = await checkout.mutate(mutation);
  try {
    if (module === null) return { ...about, state: 'invalid' };
    if (same) return { ...about, state: 'equivalent' };
    const failure = await bench.run(tests_of(mutation.file));
    if (failure === null) return { ...about, state: 'survived' };
    return { ...about, state: 'killed', by: failure.test, message: failure.message };
  } finally {
    checkout.restore();
  }
}
