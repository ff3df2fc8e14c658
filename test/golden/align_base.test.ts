// The full align-base shape: default configs, 289 pixels, 64 tokens, 172,117,841 parameters computed when they are read.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AlignModel } from '../../src/host/models.ts';
import type { Tensor } from '../../src/host/tensor.ts';
import { counter_source } from '../support/counter_weights.ts';
import { flatten } from '../support/outputs.ts';
import { max_relative_error, read_reference, type ReferenceCase } from '../support/reference.ts';

/** Largest error of a tensor relative to its largest value: sums are up to 3,840 long here, and 55 blocks deep. */
const BOUND = 5e-5;

const file = (name: string): URL => new URL(`align-base/${name}`, import.meta.url);
let model: AlignModel;
let base: ReferenceCase;
let outputs: Record<string, Tensor>;
let largest_read = 0;

beforeAll(async () => {
  const source = counter_source();
  const watched = {
    ...source,
    read(start: number, end: number) {
      largest_read = Math.max(largest_read, end - start);
      return source.read(start, end);
    },
  };
  model = await AlignModel.from_pretrained({
    'config.json': readFileSync(file('config.json'), 'utf8'),
    'model.safetensors': watched,
  });
  [base] = (await read_reference(file('reference.safetensors'))) as [ReferenceCase];
  outputs = flatten(await model.forward(base.inputs));
  outputs.text_features = (await model.get_text_features(base.inputs)).pooler_output!;
  outputs.image_features = outputs['vision_model_output.pooler_output']!; // golden.test.ts shows that they are one
});

afterAll(() => {
  model.dispose();
});

test('embeddings, logits and features agree with transformers', () => {
  for (const [name, expected] of Object.entries(base.outputs)) {
    expect(outputs[name]?.dims, name).toEqual(expected.dims);
    const error = max_relative_error(outputs[name]!.data as Float32Array, expected.data as Float32Array);
    expect(error, name).toBeLessThanOrEqual(BOUND);
  }
});

test('loads in ranges of at most 4 MiB: beside the packed weights nothing large is in memory', () => {
  const { weights, total, arena } = model.memory;
  expect(largest_read).toBeLessThanOrEqual(4 * 2 ** 20);
  // 172 M parameters, less folded batch norms, plus biases and pads.
  expect(weights).toBeGreaterThan(172e6 * 4);
  expect(weights).toBeLessThan(1.02 * 172.2e6 * 4);
  expect(total).toBeLessThan(weights + arena + 8 * 2 ** 20);
});

test('shapes are those of transformers', () => {
  expect(outputs['vision_model_output.last_hidden_state']!.dims).toEqual([2, 640, 9, 9]);
  expect(outputs['text_model_output.last_hidden_state']!.dims).toEqual([3, 64, 768]);
  expect(outputs.logits_per_image!.dims).toEqual([2, 3]);
});
