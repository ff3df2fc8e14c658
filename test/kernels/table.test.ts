// The table of ops and shapes (cases/) on every executor, against the oracle in double precision.

import { afterAll, describe, test } from 'vitest';
import type { Case, Group } from './cases/case.ts';
import { TABLE } from './cases/index.ts';
import { WASM, WGSL, type Arithmetic } from './support/bounds.ts';
import { run_on_gpu, test_bench } from './support/run_gpu.ts';
import { run_op, run_parts, test_instance, type Results } from './support/run_op.ts';

interface Executor {
  readonly name: string;
  readonly arithmetic: Arithmetic;
  readonly run: (cases: readonly Case[]) => Promise<Results[]>;
}

const EXECUTORS: readonly Executor[] = [
  {
    name: 'wasm',
    arithmetic: WASM,
    run: async (cases) => {
      const instance = await test_instance();
      return cases.map(({ op }) => run_parts(instance, op, 1));
    },
  },
  {
    name: 'wasm in parts, which give the same bits',
    arithmetic: WASM,
    run: (cases) => Promise.all(cases.map(({ op }) => run_op(op))),
  },
  { name: 'webgpu', arithmetic: WGSL, run: (cases) => run_on_gpu(cases.map(({ op }) => op)) },
];

async function run_group({ cases }: Group, { arithmetic, run }: Executor): Promise<void> {
  const all = cases();
  const results = await run(all);
  all.forEach(({ check }, i) => check(results[i]!, arithmetic));
}

afterAll(async () => (await test_bench()).close());

for (const executor of EXECUTORS)
  describe(executor.name, () => {
    for (const [op, groups] of Object.entries(TABLE))
      describe(op, () => {
        for (const group of groups) test(group.title, () => run_group(group, executor));
      });
  });
