// What was found once stays mended; and every target still finds files that its reader takes and such that it refuses.

import { describe, expect, test } from 'vitest';
import { corpus } from './corpus.ts';
import { fuzz, judge } from './harness.ts';
import { TARGETS } from './targets.ts';

describe.each(TARGETS)('$name', (target) => {
  test('kept files', async () => {
    const fuzzer = await target.start();
    for (const [name, files] of corpus(target.name))
      expect((await judge(target, fuzzer, files)).finding, name).toBeNull();
  });

  test('a few of a fixed seed', async () => {
    const tally = await fuzz(target, { seed: 7, files: 300 });
    expect(tally.findings.map(({ index, finding }) => ({ index, finding }))).toEqual([]);
    expect(tally.files).toBe(300);
    expect(tally.outcomes.get('accepted')).toBeGreaterThan(0);
    expect(tally.outcomes.size).toBeGreaterThan(1);
  });
});
