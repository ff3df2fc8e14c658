// The table of ops and shapes (cases/) on every executor, against the oracle in double precision; on the GPU in every
// setting that shaders can be put together in.

import { afterAll, describe, expect, test } from 'vitest';
import { settings_of_swiftshader, settings_of } from '../webgpu/settings.ts';
import { WGSL } from './support/bounds.ts';
import { run_on_gpu, test_bench } from './support/run_gpu.ts';
import { describe_table, describe_table_on_wasm } from './support/table.ts';

describe_table_on_wasm();

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
