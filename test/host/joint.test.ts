// A call of the whole model as one plan: src/host/plan/join.ts and joint.ts.

import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Inputs } from '../../src/host/executor.ts';
import { AlignModel } from '../../src/host/models.ts';
import { join_plans } from '../../src/host/plan/join.ts';
import type { Tensor } from '../../src/host/tensor.ts';
import { test_gpu } from '../kernels/support/gpu.ts';
import { expect_same_bits } from '../kernels/support/compare.ts';
import { check_arena, check_flow } from '../support/plan_checks.ts';
import { max_relative_error, read_reference } from '../support/reference.ts';

const folder = fileURLToPath(new URL('../golden/tiny', import.meta.url));

/** Texts and pictures of a golden. */
let inputs: Readonly<Record<string, Tensor>>;
let wasm: AlignModel;

beforeAll(async () => {
  const cases = await read_reference(`${folder}/reference.safetensors`);
  inputs = cases.find((one) => 'pixel_values' in one.inputs && 'input_ids' in one.inputs)!.inputs;
  wasm = await AlignModel.from_pretrained(folder);
});

describe('Joined plans', () => {
  test('give the bits of the plans one after the other', async () => {
    const { executor } = wasm.runtime;
    const [text, vision, head] = [
      wasm.plan('text', { tokens: 6 }),
      wasm.plan('vision'),
      wasm.plan('align'),
    ] as const;
    const { c, h, w } = vision.inputs.get('pixel_values')!;
    const words: Inputs = {
      starts: Int32Array.of(0, 5),
      attention_mask: Int32Array.of(1, 1, 1, 1, 1, 0),
      token_type_ids: new Int32Array(6),
      position_ids: Int32Array.of(0, 1, 2, 3, 4, 0),
      input_ids: Int32Array.of(3, 1, 4, 1, 5, 0),
    };
    const picture = { pixel_values: Float32Array.from({ length: c * h * w }, (_, i) => (i % 17) / 8 - 1) };
    const apart = {
      text: await executor.run(text, words),
      vision: await executor.run(vision, picture),
    };
    const expected = await executor.run(head, {
      text_features: apart.text.get('features')!.data,
      image_features: apart.vision.get('pooler_output')!.data,
    });

    const joined = join_plans([
      { name: 'vision', plan: vision },
      { name: 'text', plan: text },
      {
        name: 'head',
        plan: head,
        links: { text_features: 'text.features', image_features: 'vision.pooler_output' },
      },
    ]);
    check_arena(joined);
    expect(Array.from(joined.inputs.keys(), (name) => name.split('.')[0])).not.toContain('head');
    const given = [...named('text', words), ...named('vision', picture)];
    const got = await executor.run(joined, Object.fromEntries(given));
    for (const [name, tensor] of [
      ...named('text', Object.fromEntries(apart.text)),
      ...named('vision', Object.fromEntries(apart.vision)),
      ...named('head', Object.fromEntries(expected)),
    ]) {
      expect(got.get(name)!.dims, name).toEqual(tensor.dims);
      expect_same_bits(got.get(name)!.data, tensor.data, name);
    }
  });

  test('read nothing that was not written', () => {
    const [text, head] = [wasm.plan('text', { batch: 3, tokens: 8 }), wasm.runtime.head!.plan(3, 0)];
    const links = { text_features: 'text.features' };
    check_flow(
      join_plans([
        { name: 'text', plan: text },
        { name: 'head', plan: head, links },
      ]),
    );
  });
});

test('On a GPU every call is one submit and one readback', async () => {
  const counts = { submit: 0, mapAsync: 0 };
  const device = await counted_device(counts);
  const model = await AlignModel.from_pretrained(folder, { device: 'webgpu', gpu: device });
  const calls: ((model: AlignModel) => Promise<Record<string, Tensor>>)[] = [
    async (m) => ({ logits: (await m.forward(inputs)).logits_per_text }),
    async (m) => ({ text: await m.embed_text(inputs) }),
    async (m) => ({ image: await m.embed_image(inputs) }),
    async (m) => ({ features: (await m.get_text_features(inputs)).pooler_output! }),
    async (m) => ({ features: (await m.get_image_features(inputs)).pooler_output! }),
  ];
  for (const call of calls) {
    counts.submit = counts.mapAsync = 0;
    const [got, want] = [await call(model), await call(wasm)];
    expect(counts).toEqual({ submit: 1, mapAsync: 1 });
    for (const [name, { data, dims }] of Object.entries(want)) {
      expect(got[name]!.dims).toEqual(dims);
      expect(max_relative_error(got[name]!.data as Float32Array, data as Float32Array), name).toBeLessThan(
        1e-5,
      );
    }
  }
  // A call in several runs is the same.
  const split = await model.forward(inputs, { batch_size: 1 });
  const whole = await model.forward(inputs);
  expect_same_bits(split.logits_per_text.data, whole.logits_per_text.data, 'split');
  model.dispose();
  device.destroy();
});

function named<T>(prefix: string, values: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]);
}

/** A device that counts what the host asks of it. */
async function counted_device(counts: { submit: number; mapAsync: number }): Promise<GPUDevice> {
  const adapter = await test_gpu().requestAdapter();
  const device = await adapter!.requestDevice();
  const submit = device.queue.submit.bind(device.queue);
  device.queue.submit = (commands) => {
    counts.submit++;
    submit(commands);
  };
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const map = buffer.mapAsync.bind(buffer);
    buffer.mapAsync = (mode, offset, size) => {
      counts.mapAsync++;
      return map(mode, offset, size);
    };
    return buffer;
  };
  return device;
}
