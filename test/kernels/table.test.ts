// The table of ops and shapes (cases/) on every executor, against the oracle in double precision; on the GPU in every
// setting that shaders can be put together in.

import { afterAll, describe, expect, test } from 'vitest';
import { settings_of_swiftshader, settings_of, GPU_ACTIVATIONS } from '../webgpu/settings.ts';
import type { Case } from './cases/case.ts';
import { TABLE } from './cases/index.ts';
import { WASM, WGSL, type Arithmetic } from './support/bounds.ts';
import { run_on_gpu, test_bench } from './support/run_gpu.ts';
import { run_op, run_parts, test_instance, type Results } from './support/run_op.ts';

type Run = (cases: readonly Case[]) => Promise<Results[]>;

/** Registers the tests of `ops`. */
function describe_table(
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

const { gpu } = await test_bench();
const settings = /swiftshader/i.test(gpu.description) ? settings_of_swiftshader() : settings_of(gpu.features);
for (const setting of settings)
  describe_table(
    `webgpu ${setting.name}`,
    (cases) =>
      run_on_gpu(
        cases.map(({ op }) => op),
        setting,
      ),
    WGSL,
    setting.ops,
  );

describe('webgpu', () => {
  afterAll(() => gpu.close());

  test('compiles few pipelines', async () => {
    const { pipelines } = await test_bench();
    console.log(`${pipelines} pipelines on ${gpu.description}`);
    expect(pipelines).toBeLessThan(200);
  });
});
