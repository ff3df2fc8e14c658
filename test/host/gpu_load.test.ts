// Weights on their way to a GPU: in shards, in small pieces, never twice in memory; and GPUs that compute wrongly.

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ModelSource } from '../../src/host/checkpoint/model_files.ts';
import { AlignTextConfig } from '../../src/host/config.ts';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../../src/host/models.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import { gpus } from '../../src/host/platform/node.ts';
import { Recorder } from '../../src/host/plan/recorder.ts';
import { weight_requests, type WeightRequest } from '../../src/host/plan/plan.ts';
import type { Tensor } from '../../src/host/tensor.ts';
import { compile, Instance } from '../../src/host/wasm/module.ts';
import webgpu from '../../src/host/webgpu/index.ts';
import { test_gpu } from '../kernels/support/gpu.ts';
import { ids, pixels, refused } from '../support/bad_calls.ts';
import { counter_source } from '../support/counter_weights.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { packed } from '../support/packed.ts';
import { WatchedGpu } from '../support/watched_gpu.ts';

const MiB = 2 ** 20;
const TEXT = { input_ids: ids([[7, 600, 1999, 3, 1, 1023]]) };
const PICTURE = { pixel_values: pixels(1, 33, 33) };

/** Blocks of up to 8 MiB, 33 MiB in all. */
const CONFIG = new AlignTextConfig({
  vocab_size: 8192,
  hidden_size: 256,
  num_hidden_layers: 8,
  num_attention_heads: 4,
  intermediate_size: 1100,
  max_position_embeddings: 64,
});

let watched: WatchedGpu;
let requests: WeightRequest[];
let files: ModelSource;
/** To be disposed after each test. */
const models: { dispose(): void }[] = [];

function kept<M extends { dispose(): void }>(model: M): M {
  models.push(model);
  return model;
}

beforeAll(async () => {
  watched = await WatchedGpu.open(test_gpu());
  const recorder = new Recorder(new Instance(await compile()));
  const plan = recorder.text(
    CONFIG,
    { pooler: true, projection_dim: 0 },
    { shard: 0, offset: 0, prefixed: false },
    {
      ...{ sequences: 1, length: 1, tokens: 1, inputs_embeds: false, features: false },
      ...{ last_hidden_state: true, hidden_states: false, attentions: false },
    },
  );
  requests = weight_requests(plan);
  const sources = requests.flatMap((request) => request.sources);
  files = {
    'config.json': CONFIG.to_dict(),
    'model.safetensors': counter_source(new Map(sources.map(({ name, shape }) => [name, shape]))),
  };
});

beforeEach(() => {
  watched.watch();
  watched.limits = {};
  watched.info = undefined;
  watched.change = null;
});

afterEach(() => {
  for (const model of models.splice(0)) model.dispose();
  expect(watched.buffers.size).toBe(0);
});

const load = async (model: ModelSource, options: LoadOptions = {}): Promise<AlignTextModel> =>
  kept(await AlignTextModel.from_pretrained(model, { device: 'webgpu', gpu: watched.gpu, ...options }));

const last_state = async (model: AlignTextModel): Promise<Tensor> =>
  (await model.forward(TEXT)).last_hidden_state!;

/** The largest difference as a share of the largest value. */
function difference({ data: a }: Tensor, { data: b }: Tensor): number {
  const found = Float64Array.from(a, Number);
  const wanted = Float64Array.from(b, Number);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0) / largest;
}

describe('Weights', () => {
  test.each([
    ['in one shard', 128 * MiB, 1],
    ['in shards of 4 MiB, the table in pieces', 4 * MiB, 9],
  ])('%s, from a checkpoint and from packed files', async (_, maxStorageBufferBindingSize, shards) => {
    watched.limits = { maxStorageBufferBindingSize };
    const one = await load(files, { device: 'wasm' });
    const expected = await last_state(one);
    one.dispose();
    const sources: [ModelSource, number][] = [[files, 1e-4]];
    for (const dtype of ['fp32', 'q4'] as const)
      sources.push([await packed(files, { dtype }), dtype === 'fp32' ? 1e-4 : 1]);
    for (const [source, tolerance] of sources) {
      watched.watch();
      const model = await load(source);
      expect(Math.max(...watched.writes)).toBeLessThanOrEqual(4 * MiB);
      expect(watched.writes.reduce((a, b) => a + b, 0)).toBe(
        requests_of(model).reduce((bytes, { bytes: own }) => bytes + own, 0),
      );
      if (tolerance < 1) expect(watched.count('device.createBuffer')).toBeGreaterThanOrEqual(shards);
      expect(model.memory.weights).toBe(model.memory.total);
      const found = await last_state(model);
      if (tolerance < 1) expect(difference(found, expected)).toBeLessThan(tolerance);
      else {
        const reference = await load(source, { device: 'wasm' });
        expect(difference(found, await last_state(reference))).toBeLessThan(1e-4);
        reference.dispose();
      }
      model.dispose();
    }
  });

  test('a block that cannot be bound is limit_exceeded, and left to WASM by "auto"', async () => {
    watched.limits = { maxStorageBufferBindingSize: MiB };
    watched.info = { vendor: 'test', architecture: 'hardware' };
    await refused('limit_exceeded', ['intermediate.dense', `${MiB} that can be bound`], () => load(files));
    const model = await load(files, { device: 'auto' });
    expect(model.device).toBe('wasm');
    model.dispose();
  });

  test.each(['a checkpoint', 'a packed file'])(
    '%s: memory for one block and 8 MiB beside it',
    async (what) => {
      const source = what === 'a checkpoint' ? files : await packed(files, { dtype: 'fp32' });
      await load(source, { device: 'wasm' }).then((model) => model.dispose()); // compiled
      const { Instance: Original } = WebAssembly;
      const memories: WebAssembly.Memory[] = [];
      WebAssembly.Instance = class extends Original {
        constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
          super(module, imports);
          memories.push(this.exports['memory'] as WebAssembly.Memory);
        }
      };
      try {
        const model = await load(source);
        const taken = memories.reduce((bytes, { buffer }) => bytes + buffer.byteLength, 0);
        const [largest, all] = [Math.max(...requests.map(({ bytes }) => bytes)), model.memory.weights];
        expect(all).toBeGreaterThan(largest + 16 * MiB);
        expect(taken).toBeLessThanOrEqual(largest + 8 * MiB);
        model.dispose();
      } finally {
        WebAssembly.Instance = Original;
      }
    },
  );

  test('max_memory holds for the GPU too', async () => {
    const error = await refused('limit_exceeded', ['the weights', 'GPU memory'], () =>
      load(files, { max_memory: 20 * MiB }),
    );
    expect(error.detail).toMatchObject({ limit: 20 * MiB });
  });

  test('max_memory holds for results on their way back, and for what earlier runs left', async () => {
    const calls = [
      { ...all_words(6), output_hidden_states: true, output_attentions: true },
      all_words(9),
      { ...all_words(6), output_hidden_states: true, output_attentions: true },
    ];
    const tower = golden('tower-text');
    const free = await load(tower);
    const expected: Tensor[] = [];
    for (const call of calls) expected.push((await free.forward(call)).last_hidden_state!);
    const [{ weights, total }, one] = [free.memory, await load(tower)];
    await one.forward({ ...calls[0]!, ...all_words(1) });
    const max_memory = Math.max(one.memory.total, weights + Math.ceil((total - weights) / 2));
    const held = await load(tower, { max_memory });
    for (const [i, call] of calls.entries()) {
      expect(difference((await held.forward(call)).last_hidden_state!, expected[i]!)).toBeLessThan(1e-5);
      expect(held.memory.total).toBeLessThanOrEqual(max_memory);
    }
  });
});

/** Texts of 8 ids. */
function all_words(texts: number): { input_ids: Tensor } {
  return { input_ids: ids(Array.from({ length: texts }, (_, i) => [1, 2, 3, 4, 5, 6, 7, i % 8])) };
}

/** The blocks that a loaded model asked for. */
function requests_of({ runtime }: AlignTextModel): WeightRequest[] {
  return weight_requests(runtime.text!.plan(1, 1, 1, { last_hidden_state: true }));
}

test('batches are split to what can be bound, and one item that cannot is named', async () => {
  const vision = (options: LoadOptions = {}): Promise<AlignVisionModel> =>
    AlignVisionModel.from_pretrained(golden('odd'), { device: 'webgpu', gpu: watched.gpu, ...options });
  const batch = { pixel_values: pixels(6, 160, 160) };
  const whole = await vision();
  const expected = (await whole.forward(batch)).pooler_output!;
  const one = whole.runtime.vision!.plan(1, 160, 160, { last_hidden_state: true }).arena_bytes;
  whole.dispose();
  watched.limits = { maxStorageBufferBindingSize: Math.max(MiB, Math.ceil(2.5 * one)) };
  const split = await vision();
  watched.watch();
  expect(difference((await split.forward(batch)).pooler_output!, expected)).toBeLessThan(1e-5);
  expect(watched.count('queue.submit')).toBeGreaterThanOrEqual(3);
  const error = await refused('limit_exceeded', ['activations'], () =>
    split.forward({ pixel_values: pixels(1, 480, 480) }),
  );
  expect(error.detail['need']).toBeGreaterThan(watched.limits['maxStorageBufferBindingSize']!);
  expect(difference((await split.forward(batch)).pooler_output!, expected)).toBeLessThan(1e-5);
  split.dispose();
});

describe('verify', () => {
  const both = (options: LoadOptions = {}): Promise<AlignModel> =>
    AlignModel.from_pretrained(golden('tiny'), {
      ...{ device: 'webgpu', gpu: watched.gpu, verify: true },
      ...options,
    });

  test.each(['fp32', 'fp16', 'bf16', 'q8', 'q4'] as const)('a right GPU passes with %s', async (dtype) => {
    const model = await both({ dtype });
    expect([model.device, model.dtype]).toEqual(['webgpu', dtype]);
    await model.forward({ input_ids: ids([[1, 2, 3]]), ...PICTURE });
    model.dispose();
  });

  test('a GPU that is off is refused, naming the tensor, and left to WASM by "auto"', async () => {
    watched.change = (code) =>
      code.includes('fn sigmoid4(') ? code.replace('fn sigmoid4(', 'fn was_sigmoid4(') + WRONG_SIGMOID : code;
    const error = await refused('gpu_mismatch', ['vision.last_hidden_state', 'WASM'], both);
    expect(error.detail).toMatchObject({ tensor: 'vision.last_hidden_state' });
    expect(error.detail['error']).toBeGreaterThan(error.detail['tolerance'] as number);
    expect(watched.buffers.size).toBe(0);
    watched.info = { vendor: 'test', architecture: 'hardware' };
    const model = kept(await both({ device: 'auto' }));
    expect(model.device).toBe('wasm');
  });

  test('each tower alone', async () => {
    const options = { device: 'webgpu', gpu: watched.gpu, verify: true } as const;
    for (const model of [
      await AlignTextModel.from_pretrained(golden('tower-text'), options),
      await AlignVisionModel.from_pretrained(golden('tower-vision'), options),
      await AlignModel.from_pretrained(golden('tiny'), { ...options, towers: 'text' }),
    ]) {
      expect(model.device).toBe('webgpu');
      model.dispose();
    }
  });
});

const WRONG_SIGMOID = '\nfn sigmoid4(x: vec4<f32>) -> vec4<f32> { return was_sigmoid4(x) * 1.1; }\n';

test('warmup() leaves nothing to compile for a usual call, on every kind of model', async () => {
  const options = { device: 'webgpu', gpu: watched.gpu } as const;
  const model = await AlignModel.from_pretrained(golden('tiny'), { ...options, towers: 'text' });
  await model.warmup({ tokens: 4 });
  watched.watch();
  await model.embed_text({ input_ids: ids([[1, 2, 3, 4]]) });
  expect(watched.count('device.createComputePipelineAsync')).toBe(0);
  model.dispose();
  const text = await AlignTextModel.from_pretrained(golden('tower-text'), options);
  await text.warmup();
  text.dispose();
  const on_wasm = await AlignTextModel.from_pretrained(golden('tower-text'), { device: 'wasm' });
  await on_wasm.warmup();
  on_wasm.dispose();
});

describe('Where the GPU comes from', () => {
  test('a runtime without WebGPU says so, unless GPU and module are handed over', async () => {
    const before = { ...gpus };
    const text = (options: LoadOptions): Promise<AlignTextModel> =>
      AlignTextModel.from_pretrained(golden('tower-text'), { device: 'webgpu', ...options });
    Object.assign(gpus, { webgpu: null, gpu: () => Promise.resolve(null), gpu_hint: 'take another' });
    try {
      const none = await refused('gpu_unavailable', ['There is no WebGPU in node'], () => text({}));
      expect(none.hint).toBe('take another');
      const left_out = await refused('gpu_unavailable', ['does not come along'], () =>
        text({ gpu: watched.gpu }),
      );
      expect(left_out.hint).toContain('align-wasm/webgpu');
      for (const given of [webgpu, { default: webgpu }]) {
        const model = await text({ gpu: watched.gpu, webgpu: given });
        expect(model.device).toBe('webgpu');
        model.dispose();
      }
      const fallen = await text({ device: 'auto' });
      expect(fallen.device).toBe('wasm');
      fallen.dispose();
    } finally {
      Object.assign(gpus, before);
    }
  });

  test('what is neither a GPU nor a device is refused', async () => {
    for (const gpu of [{}, { createBuffer: () => undefined }])
      await refused('invalid_argument', ['must be a GPU or a GPUDevice'], () =>
        load(golden('tower-text'), { gpu: gpu as GPU }),
      );
  });

  test('another module, or one of another version, is refused', async () => {
    const text = (module: object): Promise<AlignTextModel> =>
      AlignTextModel.from_pretrained(golden('tower-text'), { webgpu: module as typeof webgpu });
    await refused('invalid_argument', ['is not the module align-wasm/webgpu'], () => text({}));
    await refused('invalid_argument', ['is not the module align-wasm/webgpu'], () => text({ default: 5 }));
    await refused('abi_mismatch', ['ABI version 0'], () => text({ ...webgpu, abi: 0 }));
  });
});
