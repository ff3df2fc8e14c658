// One model is called again and again, in every way: by all that the cases know, in an order of a seed's.

import { Align } from '../../../src/host/align.ts';
import type { LoadOptions } from '../../../src/host/options.ts';
import { Dice } from '../../fuzz/dice.ts';
import { outcome_of, type Soak } from '../harness.ts';
import type { Surroundings } from '../subjects.ts';
import { cases, LARGEST, type Case } from './cases.ts';

export async function calls_soak(options: LoadOptions, { workers, gpu, seed }: Surroundings): Promise<Soak> {
  const align = await Align.load(undefined, { device: 'wasm', max_pixels: 4_000_000, ...options });
  const threads = workers.started;
  const all = await cases(align);
  // On a GPU a call that is called off gives up its buffers; they are at their largest after this one.
  const largest = all.filter(({ name }) => name === LARGEST).at(-1)!;
  const expected = new Map<Case, string>();
  const counts = { good: 0, refused: 0, aborted: 0 };

  async function call(each: Case): Promise<void> {
    const outcome = await outcome_of(() => each.run());
    if (each.aborts && outcome === 'aborted') {
      counts.aborted++;
      return;
    }
    const right = each.code ?? expected.get(each) ?? outcome;
    if (outcome !== right) throw new Error(`${each.name} came to ${outcome}, and to ${right} before`);
    if (each.code === undefined && outcome.length < 40) throw new Error(`${each.name} came to ${outcome}`);
    expected.set(each, right);
    counts[each.code === undefined ? 'good' : 'refused']++;
  }

  return {
    warm_up: 2 * all.length,
    // All of them in turn while it warms up.
    cycle: (i) => call(i < 2 * all.length ? all[i % all.length]! : Dice.of(seed, i).pick(all)),
    ...(gpu && { level: () => call(largest), gpu: () => gpu.bytes() }),
    elsewhere: () => workers.memory(),
    notes: () => `${counts.good} answered, ${counts.refused} refused, ${counts.aborted} called off`,
    left: async () => ({ threads: await workers.alive(threads) }),
    end: () => align.dispose(),
  };
}
