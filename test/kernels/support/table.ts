// Registers the tests of the table of ops and shapes (cases/) for an executor.

import { describe, test } from 'vitest';
import { GPU_ACTIVATIONS } from '../../webgpu/settings.ts';
import type { Case } from '../cases/case.ts';
import { TABLE } from '../cases/index.ts';
import { WASM, WGSL, type Arithmetic } from './bounds.ts';
import { run_op, run_parts, test_instance, type Results } from './run_op.ts';

type Run = (cases: readonly Case[]) => Promise<Results[]>;

/** Registers the tests of `ops`. */
export function describe_table(
  executor: string,
  run: Run,
  on: Arithmetic,
  ops: readonly string[] = Object.keys(TABLE),
): void {
  describe(executor, () => {
    for (const op of ops)
      describe(op, () => {
        for (const { title, cases } of TABLE[op]!)
          test(title, async () => {
            const all = cases(on === WGSL ? GPU_ACTIVATIONS : undefined);
            const results = await run(all);
            all.forEach(({ check }, i) => check(results[i]!, on));
          });
      });
  });
}

/** The tests of the whole table on align.wasm, in one part and in several. */
export function describe_table_on_wasm(): void {
  describe_table(
    'wasm',
    async (cases) => {
      const instance = await test_instance();
      return cases.map(({ op }) => run_parts(instance, op, 1));
    },
    WASM,
  );
  describe_table(
    'wasm in parts, which give the same bits',
    (cases) => Promise.all(cases.map(({ op }) => run_op(op))),
    WASM,
  );
}
