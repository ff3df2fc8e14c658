// The tests of a committed golden: every case, every tensor, every tap, as README.md describes them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { test_gpu_device } from '../kernels/support/gpu.ts';
import { flatten, load_golden, run_golden, type LoadedGolden } from '../support/outputs.ts';
import {
  least_cosine,
  max_relative_error,
  read_reference,
  type ReferenceCase,
} from '../support/reference.ts';
import { AlignModel } from '../../src/host/models.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import type { Tensor } from '../../src/host/tensor.ts';

/** Largest error of a tensor relative to its largest value. */
export const BOUND = 2e-5;

const root = fileURLToPath(new URL('.', import.meta.url));
export const VARIANTS = readdirSync(root).filter(
  (name) => name !== 'align-base' && existsSync(`${root}${name}/reference.safetensors`),
);

/** What runs a model, and how far off its outputs may be. */
export interface Device {
  readonly name: string;
  readonly device: 'wasm' | 'webgpu';
  readonly options: () => LoadOptions | Promise<LoadOptions>;
  readonly variants: readonly string[];
  /** Of every tensor. */
  readonly bound: number;
  /** Of the embeddings alone. */
  readonly least_cosine: number;
  readonly embeddings: number;
}

export const WASM: Device = {
  ...{ name: 'wasm', device: 'wasm', variants: VARIANTS },
  ...{ bound: BOUND, embeddings: BOUND, least_cosine: 0.999999 },
  options: () => ({ device: 'wasm' }),
};

/** In fp32: a GPU sums in its own order. */
export const WEBGPU: Omit<Device, 'variants'> = {
  ...{ name: 'webgpu', device: 'webgpu', bound: 1e-4, embeddings: 1e-4, least_cosine: 0.999999 },
  options: async () => ({ device: 'webgpu', gpu: await test_gpu_device() }),
};

/** Variants whose activations alone are special: the kernel table tests these on the GPU. */
export const ACTIVATIONS = VARIANTS.filter((name) => name.startsWith('act-') && name !== 'act-gelu_new');

/** Registers the tests of all variants of a device. */
export function describe_goldens(device: Device): void {
  describe.each(device.variants)(`${device.name}: %s`, (variant) => {
    const folder = root + variant;
    const { model_type } = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')) as {
      model_type: string;
    };
    let loaded: LoadedGolden;
    let cases: ReferenceCase[];

    beforeAll(async () => {
      loaded = await load_golden(folder, model_type, await device.options());
      cases = await read_reference(`${folder}/reference.safetensors`);
    });

    afterAll(() => {
      loaded.model.dispose();
      loaded.text?.dispose();
    });

    test('every output agrees with transformers', async () => {
      expect(loaded.model.device).toBe(device.device);
      for (const { name, inputs, outputs } of cases) {
        const got = await run_golden(loaded, inputs, 'loss' in outputs);
        for (const [tensor, expected] of Object.entries(outputs)) {
          const what = `${name}: ${tensor}`;
          expect(got[tensor]?.dims, what).toEqual(expected.dims);
          const [a, b] = [got[tensor]!.data as Float32Array, expected.data as Float32Array];
          const embedding = /embeds$|features$/.test(tensor);
          const bound = embedding ? device.embeddings : device.bound;
          expect(max_relative_error(a, b), what).toBeLessThanOrEqual(bound);
          if (embedding && b.every(Number.isFinite))
            expect(least_cosine(a, b, expected.dims.at(-1)!), what).toBeGreaterThanOrEqual(
              device.least_cosine,
            );
        }
      }
    });

    test('gives no more and no fewer outputs than transformers', async () => {
      for (const { name, inputs, outputs } of cases) {
        const got = await run_golden(loaded, inputs, 'loss' in outputs);
        expect(Object.keys(got).sort(), name).toEqual(Object.keys(outputs).sort());
      }
    });

    test('taps, features alone, and batches in parts of 1, 2 and 3 change no bit, or on a GPU little', async () => {
      for (const { inputs } of cases) {
        const whole = await features(loaded, inputs, {});
        for (const batch_size of [1, 2, 3])
          expect_same(await features(loaded, inputs, { batch_size }), whole, device);
        const tapped = await run_golden(loaded, inputs, false);
        for (const [name, tensor] of Object.entries(whole))
          expect_same({ name: tapped[name]! }, { name: tensor }, device);
      }
    });
  });
}

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

/** The same bits in WASM; a GPU may take another kernel for other sizes. */
function expect_same(got: Record<string, Tensor>, want: Record<string, Tensor>, device: Device): void {
  for (const [name, tensor] of Object.entries(want)) {
    expect(got[name]!.dims).toEqual(tensor.dims);
    const [a, b] = [got[name]!.data, tensor.data] as [Float32Array, Float32Array];
    if (device.device === 'wasm') {
      const bytes = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
        Buffer.from(buffer, byteOffset, byteLength);
      expect(Buffer.compare(bytes(a), bytes(b)), name).toBe(0);
    } else expect(max_relative_error(a, b), name).toBeLessThanOrEqual(device.bound);
  }
}
