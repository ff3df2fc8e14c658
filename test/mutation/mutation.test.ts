// What the mutator changes, and that the committed results hold what is asked of them.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describe as name_of, mutate, mutations_of } from './mutations.ts';
import { read_reasons, report, REPORT, RESULTS, score } from './report.ts';
import { Results } from './results.ts';
import { ordered } from './sample.ts';

const SOURCE = `import { NR } from './op';

// @ts-ignore: decorator
@inline
export function clamp(p: usize, n: u32): v128 {
  let i: u32 = 0;
  while (i < n) i += 16;
  if (n == 0.5) trace('no');
  return f32x4.min(v128.load(p), v128.bitselect(a, b, mask));
}
`;

describe('mutations of a source', () => {
  const mutations = mutations_of('assembly/x.ts', SOURCE);

  test('are found in its syntax tree, each in its place', () => {
    expect(mutations.map(name_of)).toEqual([
      'assembly/x.ts:6:16 0 → 1',
      'assembly/x.ts:7:12 < → <=',
      'assembly/x.ts:7:17 i += 16; → removed',
      'assembly/x.ts:7:19 += → -=',
      'assembly/x.ts:7:22 16 → 17',
      'assembly/x.ts:7:22 16 → 15',
      'assembly/x.ts:8:7 n == 0.5 → !(n == 0.5)',
      'assembly/x.ts:8:9 == → !=',
      'assembly/x.ts:8:12 0.5 → (0.5 * 1.01)',
      "assembly/x.ts:8:17 trace('no'); → removed",
      'assembly/x.ts:9:16 min → max',
      'assembly/x.ts:9:49 a, b → b, a',
    ]);
  });

  test('change one place and nothing else', () => {
    for (const mutation of mutations) {
      const changed = mutate(SOURCE, mutation);
      expect(changed.slice(0, mutation.start)).toBe(SOURCE.slice(0, mutation.start));
      expect(changed.slice(mutation.start + mutation.to.length)).toBe(SOURCE.slice(mutation.end));
      expect(changed).not.toBe(SOURCE);
    }
    expect(mutate(SOURCE, mutations[1]!)).toContain('while (i <= n)');
  });

  test('are tried in a seeded order, of which every beginning takes from every file and kind of change', () => {
    const small = 'export function f(a: u32): u32 { return a + 1; }';
    const sources = { 'assembly/large.ts': SOURCE.repeat(20), 'assembly/small.ts': small };
    const order = ordered(sources, 7);
    expect(order).toEqual(ordered(sources, 7));
    expect(order.map(name_of)).not.toEqual(ordered(sources, 8).map(name_of));
    expect(new Set(order.map(name_of)).size).toBe(20 * mutations.length + 3);
    const first = order.slice(0, 8);
    expect(first.filter(({ file }) => file === 'assembly/small.ts').length).toBeGreaterThan(0);
    expect(new Set(first.map(({ operator }) => operator)).size).toBeGreaterThanOrEqual(4);
  });
});

describe('the committed results', () => {
  const results = new Results(RESULTS).all;
  const reasons = read_reasons();

  test('are of at least 300 mutants, of which at least 90 % are killed', () => {
    const counted = results.filter(({ state }) => state === 'killed' || state === 'survived');
    expect(counted.length).toBeGreaterThanOrEqual(300);
    expect(score(results)).toBeGreaterThanOrEqual(90);
    for (const { state, by } of counted) expect(by !== undefined).toBe(state === 'killed');
  });

  test('have a mutant of every kernel', () => {
    const files = new Set(results.map(({ file }) => file));
    for (const kernel of ['activation', 'attention', 'conv2d', 'depthwise', 'dot', 'embedding', 'expand_depthwise', 'gather', 'gemm', 'layernorm', 'normalize', 'pool', 'quantize', 'similarity', 'slide', 'tile', 'widen'])
      expect(files).toContain(`assembly/kernels/${kernel}.ts`); // prettier-ignore
  });

  test('give a reason for every survivor, and for nothing else', () => {
    const survivors = results.filter(({ state }) => state === 'survived').map(({ mutant }) => mutant);
    expect(Object.keys(reasons).sort()).toEqual(survivors.sort());
  });

  test('are what results.md says', () => {
    expect(readFileSync(REPORT, 'utf8')).toBe(report(results, reasons));
  });
});
