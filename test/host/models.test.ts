// Loading and calling models: every form of input, limits, saving, disposing. What they compute is compared with
// transformers in test/golden.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelSource } from '../../src/host/checkpoint/model_files.ts';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../../src/host/models.ts';
import type { LoadOptions, ProgressInfo } from '../../src/host/options.ts';
import type { Plan } from '../../src/host/plan/plan.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { golden, with_tensors } from '../support/edited_checkpoint.ts';
import { wasm_executor } from '../support/executors.ts';
import { flatten } from '../support/outputs.ts';
import { read_reference, type ReferenceCase } from '../support/reference.ts';

const read = (path: string): Buffer<ArrayBuffer> => readFileSync(golden(path));

type Outputs = Record<string, Tensor>;

function expect_same(got: Outputs, want: Outputs): void {
  expect(Object.keys(got)).toEqual(Object.keys(want));
  for (const [name, { dims, data }] of Object.entries(want)) {
    expect(got[name]!.dims, name).toEqual(dims);
    expect(Buffer.compare(bytes(got[name]!.data), bytes(data)), name).toBe(0);
  }
}

const bytes = (data: Tensor['data']): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

let ragged: ReferenceCase;
let want: Outputs;
beforeAll(async () => {
  ragged = (await read_reference(golden('odd/reference.safetensors')))[0]!;
  want = flatten(await (await AlignModel.from_pretrained(golden('odd'))).forward(ragged.inputs));
});

async function forward(source: ModelSource, options?: LoadOptions): Promise<Outputs> {
  const model = await AlignModel.from_pretrained(source, options);
  const outputs = flatten(await model.forward(ragged.inputs));
  model.dispose();
  return outputs;
}

describe('A model given as', () => {
  const config = read('odd/config.json');
  const weights = read('odd/model.safetensors');
  const buffer = new Uint8Array(weights).buffer;
  const forms: Record<string, ModelSource> = {
    'a file: URL': new URL('../golden/odd/', import.meta.url),
    'bytes and parsed JSON': {
      'config.json': JSON.parse(config.toString()) as object,
      'model.safetensors': new Uint8Array(weights),
    },
    'ArrayBuffers and text': { 'config.json': config.toString(), 'model.safetensors': buffer },
    Blobs: { 'config.json': new Blob([config]), 'model.safetensors': new Blob([weights]) },
    'a file list': [new File([config], 'config.json'), new File([weights], 'model.safetensors')],
  };

  test.each(Object.keys(forms))('%s gives the bits of the folder', async (form) => {
    expect_same(await forward(forms[form]!), want);
  });
});

describe('save_pretrained', () => {
  const folder = mkdtempSync(`${tmpdir()}/align-`);
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['odd', 'sharded', 'float16', 'bfloat16'])(
    'of %s loads again with the same bits',
    async (name) => {
      const inputs = (await read_reference(golden(`${name}/reference.safetensors`)))[0]!.inputs;
      const model = await AlignModel.from_pretrained(golden(name));
      const there = flatten(await model.forward(inputs));
      await model.save_pretrained(`${folder}/${name}`);
      const back = await AlignModel.from_pretrained(`${folder}/${name}`);
      expect_same(flatten(await back.forward(inputs)), there);
      expect(back.config.to_dict()).toEqual(model.config.to_dict());
    },
  );

  test.each([
    ['tower-text', AlignTextModel],
    ['tower-vision', AlignVisionModel],
  ] as const)('of %s loads again with the same bits', async (name, Model) => {
    const inputs = (await read_reference(golden(`${name}/reference.safetensors`)))[0]!.inputs;
    const model = await Model.from_pretrained(golden(name));
    await model.save_pretrained(`${folder}/${name}`);
    const back = await Model.from_pretrained(`${folder}/${name}`);
    expect_same(flatten(await back.forward(inputs)), flatten(await model.forward(inputs)));
  });

  test('leaves the configuration that is there where the weights cannot be written', async () => {
    const place = `${folder}/kept`;
    mkdirSync(`${place}/model.safetensors`, { recursive: true });
    writeFileSync(`${place}/config.json`, 'old');
    const model = await AlignModel.from_pretrained(golden('tiny'));
    await expect(model.save_pretrained(place)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('model.safetensors is a folder') as string,
    });
    expect(readFileSync(`${place}/config.json`, 'utf8')).toBe('old');
    model.dispose();
  });
});

describe('The same bits', () => {
  let model: AlignModel;
  let cases: ReferenceCase[];
  beforeAll(async () => {
    model = await AlignModel.from_pretrained(golden('wide'));
    cases = await read_reference(golden('wide/reference.safetensors'));
  });

  /** Row `i` of every input. */
  const row = (inputs: Outputs, i: number): Outputs =>
    Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, rows(tensor, i)]));

  /** Row `i` of a tensor, cut to its first `length` elements along the second dimension. */
  function rows({ type, data, dims }: Tensor, i: number, length = dims[1]!): Tensor {
    const step = data.length / dims[0]!;
    const used = (step / dims[1]!) * length;
    const part = data.slice(i * step, i * step + used) as Tensor['data'];
    return new Tensor(type, part, [1, length, ...dims.slice(2)]);
  }

  test('for a text alone and in a batch, padded and trimmed, tapped and not', async () => {
    const { inputs } = cases[0]!;
    const all = (await model.get_text_features(inputs)).pooler_output!;
    const tapped = (await model.get_text_features({ ...inputs, output_hidden_states: true })).pooler_output!;
    expect_same({ features: tapped }, { features: all });
    for (let i = 0; i < 5; i++) {
      const one = (await model.get_text_features(row(inputs, i))).pooler_output!;
      expect_same({ features: one }, { features: rows(all, i) });
      const length = Array.from(rows(inputs.attention_mask!, i).data, Number).lastIndexOf(1) + 1;
      const trimmed = Object.fromEntries(
        Object.entries(inputs).map(([name, t]) => [name, rows(t, i, length)]),
      );
      expect_same(
        { features: (await model.get_text_features(trimmed)).pooler_output! },
        { features: rows(all, i) },
      );
    }
  });

  test('for a picture alone and in a batch', async () => {
    const { pixel_values } = cases[1]!.inputs;
    const all = flatten(await model.get_image_features({ pixel_values }));
    const [batch, channels, height, width] = pixel_values!.dims as [number, number, number, number];
    const size = channels * height * width;
    for (let i = 0; i < batch; i++) {
      const data = (pixel_values!.data as Float32Array).slice(i * size, (i + 1) * size);
      const one = new Tensor('float32', data, [1, channels, height, width]);
      const { pooler_output } = await model.get_image_features({ pixel_values: one });
      expect_same({ features: pooler_output! }, { features: rows(all.pooler_output!, i) });
    }
  });

  test('for calls at the same time and one after another', async () => {
    const calls = [...cases, ...cases].map(({ inputs }) => inputs).filter((inputs) => 'input_ids' in inputs);
    const together = await Promise.all(calls.map((inputs) => model.embed_text(inputs)));
    for (const [i, inputs] of calls.entries())
      expect_same({ embeds: together[i]! }, { embeds: await model.embed_text(inputs) });
  });

  test('when the call yields to the event loop', async () => {
    const { inputs } = cases[1]!;
    let turns = 0;
    const timer = setInterval(() => turns++);
    const sliced = await model.forward(inputs, { yield_ms: 0.001 });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    expect_same(flatten(sliced), flatten(await model.forward(inputs)));
  });
});

describe('Towers alone', () => {
  test('from a whole checkpoint give the bits of the whole model', async () => {
    const { pixel_values, ...words } = ragged.inputs;
    const under = (prefix: string): Outputs =>
      Object.fromEntries(
        Object.entries(want)
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
      );
    const text = await AlignTextModel.from_pretrained(golden('odd'));
    expect_same(flatten(await text.forward(words)), under('text_model_output.'));
    const vision = await AlignVisionModel.from_pretrained(golden('odd'));
    expect_same(flatten(await vision.forward({ pixel_values })), under('vision_model_output.'));
    expect(text.memory.weights + vision.memory.weights).toBeLessThan(
      1.1 * (await AlignModel.from_pretrained(golden('odd'))).memory.weights,
    );
  });

  test('of an AlignModel load with towers, and the other one is refused by name', async () => {
    const { pixel_values, ...words } = ragged.inputs;
    const text = await AlignModel.from_pretrained(golden('odd'), { towers: 'text' });
    expect_same({ embeds: await text.embed_text(words) }, { embeds: want.text_embeds! });
    await expect(text.embed_image({ pixel_values })).rejects.toMatchObject({ code: 'invalid_argument' });
    const vision = await AlignModel.from_pretrained(golden('odd'), { towers: 'vision' });
    expect_same({ embeds: await vision.embed_image({ pixel_values }) }, { embeds: want.image_embeds! });
    await expect(vision.embed_text(words)).rejects.toThrow(/text tower was not loaded/);
  });
});

describe('max_memory', () => {
  test('splits batches without changing a bit', async () => {
    const model = await AlignModel.from_pretrained(golden('odd'));
    const plan = (batch: number): Plan => model.plan('vision', { batch, height: 33, width: 47 });
    // Room for more than one picture and less than all four.
    const room = (plan(1).arena_bytes + plan(4).arena_bytes) / 2;
    const max_memory = Math.ceil(wasm_executor(model).behind_weights + plan(4).ops.length + room);
    const small = await AlignModel.from_pretrained(golden('odd'), { max_memory });
    const { pixel_values } = ragged.inputs;
    expect_same(
      { features: (await small.get_image_features({ pixel_values })).pooler_output! },
      { features: (await model.get_image_features({ pixel_values })).pooler_output! },
    );
    expect(small.memory.arena).toBeLessThan(model.memory.arena);
  });

  test('too small for one item is limit_exceeded, naming the size needed', async () => {
    const model = await AlignModel.from_pretrained(golden('odd'));
    const tight = await AlignModel.from_pretrained(golden('odd'), {
      max_memory: model.memory.weights + 400_000,
    });
    const pixel_values = new Tensor('float32', new Float32Array(3 * 200 * 200), [1, 3, 200, 200]);
    const error: unknown = await tight.get_image_features({ pixel_values }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'limit_exceeded' });
    const { need } = (error as { detail: { need: number } }).detail;
    expect(String(error)).toContain(String(need));
    // The size named is the size that suffices.
    const enough = await AlignModel.from_pretrained(golden('odd'), { max_memory: need });
    await enough.get_image_features({ pixel_values });
    // The model that refused still works.
    await tight.embed_text({ input_ids: ragged.inputs.input_ids });
  });

  test('too small for the weights is limit_exceeded at loading', async () => {
    const loading = AlignModel.from_pretrained(golden('odd'), { max_memory: 70_000 });
    await expect(loading).rejects.toMatchObject({ code: 'limit_exceeded' });
  });
});

test('progress_callback hears every byte once', async () => {
  const events: ProgressInfo[] = [];
  await AlignModel.from_pretrained(golden('sharded'), { progress_callback: (info) => events.push(info) });
  const progress = events.filter((info) => info.status === 'progress');
  const rare = events.map((info) => info.status).filter((status) => !status.startsWith('progress'));
  expect(rare).toEqual(['initiate', 'done', 'ready']);
  expect(progress.every((info, i) => i === 0 || info.loaded > progress[i - 1]!.loaded)).toBe(true);
  expect(progress.at(-1)!.loaded).toBe(progress.at(-1)!.total);
  expect(progress.at(-1)!.progress).toBe(100);
  // As of a model from afar: one bar shows both.
  const totals = events.filter((info) => info.status === 'progress_total');
  expect(totals.map(({ loaded, total }) => [loaded, total])).toEqual(
    progress.map(({ loaded, total }) => [loaded, total]),
  );
});

test('without pooler weights, or with add_pooling_layer: false, pooler_output is null', async () => {
  const { input_ids, attention_mask } = ragged.inputs;
  const bare = await with_tensors('odd', (tensors) => {
    for (const name of ['weight', 'bias']) tensors.delete(`text_model.pooler.dense.${name}`);
  });
  const models = [
    await AlignTextModel.from_pretrained(bare),
    await AlignTextModel.from_pretrained(golden('odd'), { add_pooling_layer: false }),
  ];
  for (const model of models) {
    const output = await model.forward({ input_ids, attention_mask });
    expect(output.pooler_output).toBeNull();
    expect_same({ last: output.last_hidden_state! }, { last: want['text_model_output.last_hidden_state']! });
  }
});

test('a model tells which tensors of the checkpoint it leaves out', async () => {
  expect((await AlignModel.from_pretrained(golden('odd'))).loading_info.unexpected_keys).toEqual([]);
  const { unexpected_keys } = (await AlignTextModel.from_pretrained(golden('odd'))).loading_info;
  expect(unexpected_keys).toContain('vision_model.embeddings.convolution.weight');
  const more = await with_tensors('odd', (tensors) =>
    tensors.set('extra.weight', { dtype: 'F32', shape: [1], data: new Uint8Array(4) }),
  );
  expect((await AlignModel.from_pretrained(more)).loading_info.unexpected_keys).toEqual(['extra.weight']);
});

test('warming up runs both towers, whatever the sizes, and changes no result', async () => {
  const model = await AlignModel.from_pretrained(golden('odd'));
  expect(model.memory.arena).toBe(0);
  await model.warmup({ height: 40, width: 30 });
  expect(model.memory.arena).toBeGreaterThanOrEqual(
    model.plan('vision', { height: 40, width: 30 }).arena_bytes,
  );
  expect_same(flatten(await model.forward(ragged.inputs)), want);
  await expect(model.warmup({ tokens: 10_000 })).rejects.toMatchObject({ code: 'too_many_tokens' });
});

test("similarity of the embeddings gives forward's logits, to the bit", async () => {
  const model = await AlignModel.from_pretrained(golden('odd'));
  const text = await model.embed_text(ragged.inputs);
  const image = await model.embed_image(ragged.inputs);
  expect_same({ logits: await model.similarity(text, image) }, { logits: want.logits_per_text! });
});
