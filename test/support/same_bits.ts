// A random small model whose results must have the same bits however they are computed.

import { expect } from 'vitest';
import type { AlignModel } from '../../src/host/models.ts';
import { MAX_PARTS } from '../../src/host/plan/layout.ts';
import type { Plan } from '../../src/host/plan/plan.ts';
import { wasm_executor } from './executors.ts';
import { check_flow } from './plan_checks.ts';
import { bits, Random, random_config, random_inputs, random_model } from './random_models.ts';

/** Makes a model run every op in `parts` shares, one after another. */
function split_ops(model: AlignModel, parts: number): void {
  const executor = wasm_executor(model);
  const execute = executor.execute.bind(executor);
  executor.execute = (plan: Plan, first: number, count: number) => {
    for (let i = first; i < first + count; i++)
      for (let part = 0; part < parts; part++) execute(plan, i, 1, part, parts);
  };
}

/** Runs the model of a seed whole and with taps, in other batches, features alone, and every op in shares. */
export async function expect_same_bits_however_run(seed: number): Promise<void> {
  const random = new Random(seed);
  const config = random_config(random);
  const inputs = random_inputs(random, config);
  const taps = { output_hidden_states: true, output_attentions: true };
  const model = await random_model(config);
  Object.assign(model.runtime.recorder.options, { parts: MAX_PARTS }); // scratch for split_ops
  const whole = bits(await model.forward({ ...inputs, ...taps }));
  const features = (await model.get_text_features(inputs)).pooler_output!;

  const { batch, length } = { batch: inputs.input_ids!.dims[0]!, length: inputs.input_ids!.dims[1]! };
  for (const tokens of [length, random.integer(1, length)]) check_flow(model.plan('text', { batch, tokens }));

  expect(bits(await model.forward({ ...inputs, ...taps }, { batch_size: random.integer(1, 3) }))).toEqual(
    whole,
  );
  expect(bits({ text_embeds: await model.embed_text(inputs) }).text_embeds).toBe(whole.text_embeds);
  expect(bits({ image_embeds: await model.embed_image(inputs) }).image_embeds).toBe(whole.image_embeds);
  split_ops(model, random.pick([2, 3, 5, 16]));
  expect(bits(await model.forward({ ...inputs, ...taps }))).toEqual(whole);
  expect(bits({ f: await model.get_text_features(inputs).then((o) => o.pooler_output!) })).toEqual(
    bits({ f: features }),
  );
  model.dispose();
}
