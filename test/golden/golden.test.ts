// Every committed golden: every case, every tensor, every tap, as README.md describes them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { flatten, load_golden, run_golden, type LoadedGolden } from '../support/outputs.ts';
import { max_relative_error, read_reference, type ReferenceCase } from '../support/reference.ts';
import { AlignModel } from '../../src/host/models.ts';
import type { Tensor } from '../../src/host/tensor.ts';

/** Largest error of a tensor relative to its largest value. */
const BOUND = 2e-5;

const root = fileURLToPath(new URL('.', import.meta.url));
const variants = readdirSync(root).filter(
  (name) => name !== 'align-base' && existsSync(`${root}${name}/reference.safetensors`),
);

test('the goldens are all there', () => {
  expect(variants.length).toBeGreaterThanOrEqual(34);
});

describe.each(variants)('%s', (variant) => {
  const folder = root + variant;
  const { model_type } = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')) as { model_type: string };
  let loaded: LoadedGolden;
  let cases: ReferenceCase[];

  beforeAll(async () => {
    loaded = await load_golden(folder, model_type);
    cases = await read_reference(`${folder}/reference.safetensors`);
  });

  test('every output agrees with transformers', async () => {
    for (const { name, inputs, outputs } of cases) {
      const got = await run_golden(loaded, inputs, 'loss' in outputs);
      for (const [tensor, expected] of Object.entries(outputs)) {
        const what = `${name}: ${tensor}`;
        expect(got[tensor]?.dims, what).toEqual(expected.dims);
        const error = max_relative_error(got[tensor]!.data as Float32Array, expected.data as Float32Array);
        expect(error, what).toBeLessThanOrEqual(BOUND);
      }
    }
  });

  test('gives no more and no fewer outputs than transformers', async () => {
    for (const { name, inputs, outputs } of cases) {
      const got = await run_golden(loaded, inputs, 'loss' in outputs);
      expect(Object.keys(got).sort(), name).toEqual(Object.keys(outputs).sort());
    }
  });

  test('taps, features alone, and batches in parts of 1, 2 and 3 change no bit', async () => {
    for (const { inputs } of cases) {
      const whole = await features(loaded, inputs, {});
      for (const batch_size of [1, 2, 3]) expect_bits(await features(loaded, inputs, { batch_size }), whole);
      const tapped = await run_golden(loaded, inputs, false);
      for (const [name, tensor] of Object.entries(whole))
        expect_bits({ name: tapped[name]! }, { name: tensor });
    }
  });
});

/** What callers mostly want, under the names of run_golden. */
async function features(
  { model }: LoadedGolden,
  inputs: Readonly<Record<string, Tensor>>,
  options: { batch_size?: number },
): Promise<Record<string, Tensor>> {
  if (!(model instanceof AlignModel)) {
    const prefix = 'pixel_values' in inputs ? 'vision_model_output.' : 'text_model_output.';
    return flatten(await model.forward(inputs, options), prefix);
  }
  const found: Record<string, Tensor> = {};
  if ('input_ids' in inputs || 'inputs_embeds' in inputs)
    found.text_features = (await model.get_text_features(inputs, options)).pooler_output!;
  if ('pixel_values' in inputs)
    found.image_features = (await model.get_image_features(inputs, options)).pooler_output!;
  if (Object.keys(found).length === 2) {
    found.text_embeds = await model.embed_text(inputs, options);
    found.image_embeds = await model.embed_image(inputs, options);
    found.logits_per_text = (await model.forward(inputs, options)).logits_per_text;
  }
  return found;
}

function expect_bits(got: Record<string, Tensor>, want: Record<string, Tensor>): void {
  for (const [name, tensor] of Object.entries(want)) {
    expect(got[name]!.dims).toEqual(tensor.dims);
    const [a, b] = [got[name]!.data, tensor.data].map((d) =>
      Buffer.from(d.buffer, d.byteOffset, d.byteLength),
    );
    expect(Buffer.compare(a!, b!), name).toBe(0);
  }
}
