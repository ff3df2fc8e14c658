// A tiny model is loaded, answers and is disposed of. Some loads fail, some are called off; some models are never disposed of.

import type { ModelSource } from '../../../src/host/checkpoint/model_files.ts';
import { AlignModel } from '../../../src/host/models.ts';
import type { LoadOptions } from '../../../src/host/options.ts';
import { Tensor } from '../../../src/host/tensor.ts';
import { smooth_images } from '../../support/counter_weights.ts';
import { golden, with_config, with_tensors } from '../../support/edited_checkpoint.ts';
import { outcome_of, type Soak } from '../harness.ts';
import type { Surroundings } from '../subjects.ts';

const SHAPE = [1, 3, 33, 33];
const INPUTS = {
  input_ids: new Tensor('int64', [1, 2, 3, 4], [1, 4]),
  pixel_values: new Tensor('float32', smooth_images('pixel_values', SHAPE), SHAPE),
};

/** `dispose`: whether models are disposed of, as they should be, or left to the garbage collector. */
export async function load_soak(
  options: LoadOptions,
  { workers, gpu }: Surroundings,
  { dispose = true } = {},
): Promise<Soak> {
  const used = { device: 'wasm', ...options } as const;
  let right: string | null = null;
  let failed = 0;
  const misshapen = with_config('tiny', { vocab_size: 9 }, 'text_config');
  const missing = await with_tensors('tiny', (tensors) => void tensors.delete('temperature'));
  const damaged = { ...missing, 'model.safetensors': missing['model.safetensors'].subarray(0, -100) };

  const refused = async (code: string, model: ModelSource, o: LoadOptions = {}): Promise<void> => {
    const outcome = await outcome_of(async () =>
      (await AlignModel.from_pretrained(model, { ...used, ...o })).dispose(),
    );
    if (outcome !== code) throw new Error(`A load that is ${code} came to ${outcome}`);
    failed++;
  };
  const failures = [
    () => refused('shape_mismatch', misshapen),
    () => refused('missing_tensor', missing),
    () => refused('corrupt_checkpoint', damaged),
    () => refused('aborted', golden('tiny'), { signal: AbortSignal.abort() }),
    () => refused('limit_exceeded', golden('tiny'), { max_memory: 1000 }),
  ];

  return {
    warm_up: 25,
    async cycle(i) {
      const model = await AlignModel.from_pretrained(golden('tiny'), used);
      const outcome = await outcome_of(() => model.forward(INPUTS));
      right ??= outcome;
      if (outcome !== right) throw new Error(`Load ${i} answers otherwise than those before`);
      if (dispose) model.dispose();
      if (i % 5 === 4) await failures[Math.floor(i / 5) % failures.length]!();
    },
    ...(gpu && { gpu: () => gpu.bytes() }),
    notes: () => `${failed} loads refused`,
    left: async () => ({ threads: await workers.alive(0) }),
    end: () => undefined,
  };
}
