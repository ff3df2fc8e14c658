// Search: an index of 100,000 and of 1,000,000 embeddings beside a plain loop over a Float32Array and, as far as that goes,
// Orama; recall@10 against the plain loop, and the memory of it all.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digits } from '../measure.mjs';
import { in_process } from '../process.mjs';

const SIZES = [100_000, 1_000_000];

/** Orama's documents take minutes and gigabytes beyond that. */
const MOST_FOR_PEER = 100_000;

export async function search(bench) {
  const { name: where, executable } = await bench.place('node');
  const run = (...call) => in_process(executable, './search.mjs', ...call);
  for (const size of bench.quick ? SIZES.slice(0, 1) : SIZES) {
    const work = `${size / 1000}k x 640`;
    bench.say(`search: ${work}`);
    const results = await run('measure_search', size, bench.rounds, size <= MOST_FOR_PEER);
    for (const [who, { recall, ...times }] of Object.entries(results)) {
      const id = `search | ${size} | ${who}`;
      bench.record({ section: 'search', work, where, who, id, ...times, recall, unit: 'ms' });
      bench.print(`${work}, ${who}: recall@10 ${digits(recall)}`);
    }
    const folder = await mkdtemp(join(tmpdir(), 'align-bench-'));
    const file = join(folder, 'index.safetensors');
    const filled = await run('measure_memory', size, file);
    const loaded = await run('measure_loading', file);
    await rm(folder, { recursive: true });
    for (const [who, best] of [
      ['align-wasm, int8: WebAssembly memory', filled.wasm],
      ['align-wasm, int8: the whole process', filled.process],
      ['align-wasm, int8: the whole process, loaded from a file', loaded.process],
    ])
      bench.record({
        section: 'search',
        work,
        where,
        who,
        id: `search memory | ${size} | ${who}`,
        best,
        unit: 'MB',
      });
  }
}
