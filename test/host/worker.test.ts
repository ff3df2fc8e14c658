// Models in a worker: the bits, the errors and the events of models on the calling thread, whatever they are asked.

import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Align } from '../../src/host/align.ts';
import type { ModelSource } from '../../src/host/checkpoint/model_files.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { AlignError } from '../../src/host/errors.ts';
import { RawImage, type ImageInput } from '../../src/host/image.ts';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../../src/host/models.ts';
import type { LoadOptions, ProgressInfo } from '../../src/host/options.ts';
import { pipeline } from '../../src/host/pipeline.ts';
import { platform } from '../../src/host/platform/node.ts';
import { EfficientNetImageProcessor } from '../../src/host/processor/image_processor.ts';
import { AlignProcessor } from '../../src/host/processor/processor.ts';
import { BertTokenizer } from '../../src/host/processor/tokenizer.ts';
import { use_webp } from '../../src/host/processor/webp.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { ids, pixels, refused } from '../support/bad_calls.ts';
import { golden, golden_files } from '../support/edited_checkpoint.ts';
import { hostile_server } from '../support/hostile_server.ts';
import { watch_workers } from '../support/model_workers.ts';
import { packed } from '../support/packed.ts';
import { bits } from '../support/random_models.ts';
import { pictures } from '../processor/pictures.ts';

const PICTURES = new URL('../../examples/pictures/', import.meta.url);
const PHOTO = fileURLToPath(new URL('../runtimes/photos/rotated.jpg', import.meta.url));
const TEXT = { input_ids: ids([[1, 2, 3, 4]]) };
const TWO_TEXTS = {
  input_ids: ids([
    [1, 2, 3, 4, 5],
    [5, 4, 0, 0, 0],
  ]),
  attention_mask: ids([
    [1, 1, 1, 1, 1],
    [1, 1, 0, 0, 0],
  ]),
};
const THREE_PICTURES = { pixel_values: pixels(3, 33, 47) };
const TAPS = { output_hidden_states: true, output_attentions: true };

const open: { dispose(): void }[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const each of open.splice(0)) each.dispose();
});
function kept<T extends { dispose(): void }>(value: T): T {
  open.push(value);
  return value;
}

/** What `ask` gives with and without a worker, under the same options otherwise. */
async function both<M extends { dispose(): void }, T>(
  load: (options: LoadOptions) => Promise<M>,
  ask: (model: M) => Promise<T>,
  options: LoadOptions = {},
): Promise<[here: T, there: T]> {
  const workers = watch_workers();
  const here = kept(await load({ device: 'wasm', ...options }));
  expect(workers.started).toHaveLength(0);
  const there = kept(await load({ device: 'wasm', ...options, worker: true }));
  expect(workers.started).toHaveLength(1);
  return [await ask(here), await ask(there)];
}

async function everything(model: AlignModel): Promise<object> {
  const inputs = { ...TWO_TEXTS, pixel_values: pixels(2, 33, 47) };
  const embeddings = {
    text: await model.embed_text(TWO_TEXTS, { batch_size: 1 }),
    image: await model.embed_image(THREE_PICTURES, { batch_size: 2, yield_ms: 0.001 }),
  };
  return {
    forward: bits(await model.forward({ ...inputs, ...TAPS, return_loss: true }, { yield_ms: 1 })),
    texts: bits(await model.get_text_features(TWO_TEXTS)),
    hidden: bits(await model.get_text_features({ ...TEXT, ...TAPS })),
    images: bits(await model.get_image_features(THREE_PICTURES)),
    embeddings: bits(embeddings),
    similarity: bits({ logits: await model.similarity(embeddings.text, embeddings.image) }),
    known: [model.device, model.dtype, model.precision, model.threads, model.loading_info],
    config: model.config.to_dict(),
    plan: model.plan('vision', { batch: 2 }).length,
    memory: Object.keys(model.memory),
  };
}

describe('The same bits', () => {
  const odd = (options: LoadOptions): Promise<AlignModel> =>
    AlignModel.from_pretrained(golden('odd'), options);

  test.each<[string, LoadOptions]>([
    ['on one thread', {}],
    ['on three threads', { threads: 3 }],
    ['in 8 bits', { dtype: 'q8' }],
    ['in 4 bits', { dtype: 'q4', precision: 'exact' }],
    ['with precision fast', { precision: 'fast' }],
    ['with the word table left out', { embeddings: 'rows' }],
    ['with little memory', { max_memory: 4 * 2 ** 20 }],
  ])('of AlignModel, %s', async (_, options) => {
    const [here, there] = await both(odd, everything, options);
    expect(there).toEqual(here);
  });

  test('of AlignModel with the module handed over, from files, bytes, sources and a packed file', async () => {
    const wasm = await readFile(new URL('../../dist/align.wasm', import.meta.url));
    const files = golden_files('odd');
    const weights = files['model.safetensors'];
    const file = await packed(files, { dtype: 'fp32' });
    const models: ModelSource[] = [
      files,
      { ...files, 'model.safetensors': new Blob([weights as Uint8Array<ArrayBuffer>]) },
      { ...files, 'model.safetensors': bytes_source('mine', weights) },
      file,
      pathToFileURL(golden('odd')),
    ];
    const expected = bits(await kept(await odd({ device: 'wasm' })).get_text_features(TEXT));
    for (const source of models) {
      const model = kept(await AlignModel.from_pretrained(source, { wasm, worker: true }));
      expect(bits(await model.get_text_features(TEXT))).toEqual(expected);
    }
    expect(weights.length).toBeGreaterThan(0); // read, not taken
    expect(file.length).toBeGreaterThan(0);
  });

  test('of the towers alone', async () => {
    const texts = (options: LoadOptions): Promise<AlignTextModel> =>
      AlignTextModel.from_pretrained(golden('tower-text'), options);
    const [text_here, text_there] = await both(texts, async (model) =>
      bits(await model.forward({ ...TWO_TEXTS, ...TAPS })),
    );
    expect(text_there).toEqual(text_here);
    const images = (options: LoadOptions): Promise<AlignVisionModel> =>
      AlignVisionModel.from_pretrained(golden('tower-vision'), options);
    const [vision_here, vision_there] = await both(images, async (model) => {
      await model.warmup();
      return bits(await model.forward({ ...THREE_PICTURES, output_hidden_states: true }));
    });
    expect(vision_there).toEqual(vision_here);
  });

  test('of more shapes than a worker keeps plans of', async () => {
    const [here, there] = await both(odd, async (model) => {
      const seen: object[] = [];
      for (const round of [0, 1])
        for (let width = 33; width < 33 + 40; width++)
          seen.push(bits(await model.get_image_features({ pixel_values: pixels(1 + round, 33, width) })));
      return seen;
    });
    expect(there).toEqual(here);
  });

  test('of Align: texts, pictures of every kind, labels, mixtures', async () => {
    const dog = new Uint8Array(await readFile(new URL('dog.png', PICTURES)));
    const samples = { data: new Uint8Array(70 * 50 * 4).map((_, i) => i * 7), width: 70, height: 50 };
    const images = (): ImageInput[] => [
      dog,
      dog.buffer,
      new Blob([dog]),
      new Response(dog),
      new Blob([dog]).stream(),
      new URL('dog.png', PICTURES),
      PHOTO,
      samples,
      { ...samples, data: new Uint8ClampedArray(samples.data) },
    ];
    const [here, there] = await both(
      (options) => Align.load(undefined, options),
      async (align) => {
        const set = await align.label_set(['dog', 'cat'], { hypothesis_template: 'a {}' });
        return {
          texts: await align.embed_text(['a dog', '', 'Ω'], { batch_size: 2 }),
          images: await align.embed_image(images(), { batch_size: 2, yield_ms: 2 }),
          white: await align.embed_image(samples, { background: [9, 9, 9] }),
          classify: await align.classify(images(), ['dog', 'pizza', 'cat'], { top_k: 2 }),
          cosine: await align.classify(PHOTO, set, { scores: 'cosine' }),
          set: set.to_bytes(),
          mix: await align.mix([{ text: 'dog' }, { image: dog, weight: -0.5 }]),
          processor: bits(
            await align.processor.call({ images: [PHOTO, dog], images_kwargs: { do_normalize: true } }),
          ),
        };
      },
    );
    expect(there).toEqual(here);
    expect(dog.length).toBeGreaterThan(0);
    expect(samples.data.length).toBe(70 * 50 * 4);
  });

  test('of pipelines', async () => {
    const dog = new URL('dog.png', PICTURES);
    const [a, b] = await both(
      (options) => pipeline('zero-shot-image-classification', undefined, options),
      (classify) => classify([dog, dog], ['dog', 'bus']),
    );
    expect(b).toEqual(a);
    const [c, d] = await both(
      (options) => pipeline('image-feature-extraction', undefined, options),
      async (extract) => bits({ features: await extract([dog, PHOTO]) }),
    );
    expect(d).toEqual(c);
    const [e, f] = await both(
      (options) => pipeline('feature-extraction', undefined, options),
      async (extract) => bits({ features: await extract(['dog', 'a cat'], { normalize: true }) }),
    );
    expect(f).toEqual(e);
  });

  test('of WebP files, also by a decoder that was handed over, which stays on its thread', async () => {
    const { file } = pictures('webp').find(({ name }) => name === '33x40 RGB q50')!;
    const [here, there] = await both(
      (options) => Align.load(undefined, options),
      (align) => align.embed_image(file),
    );
    expect(there).toEqual(here);
    const data = new Uint8Array(33 * 40 * 4).fill(200);
    let asked = 0;
    use_webp(() => Promise.resolve({ data, width: 33, height: 40, asked: ++asked }));
    const align = kept(await Align.load(undefined, { device: 'wasm', worker: true }));
    expect(await align.embed_image(file)).toEqual(await align.embed_image({ data, width: 33, height: 40 }));
    expect(asked).toBe(1);
  });

  test('on a GPU, which the worker opens', async () => {
    const [here, there] = await both(
      (options) => AlignTextModel.from_pretrained(golden('tower-text'), options),
      async (model) => [model.device, model.precision, bits(await model.forward(TWO_TEXTS))],
      { device: 'webgpu' },
    );
    expect(there).toEqual(here);
    expect(here.slice(0, 2)).toEqual(['webgpu', 'fast']);
  });
});

/** What is seen of an error. */
async function seen(task: Promise<unknown>): Promise<object> {
  const error = await task.then(
    () => new Error('nothing was thrown'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AlignError)) return { other: error };
  const { name, code, message, detail, hint, cause } = error;
  return { name, code, message, detail, hint, cause: String(cause) };
}

describe('The same errors', () => {
  test('of calls', async () => {
    const [here, there] = await both(
      (options) => AlignModel.from_pretrained(golden('odd'), { ...options, max_memory: 6 * 2 ** 20 }),
      async (model) => [
        await seen(model.get_image_features({ pixel_values: pixels(1, 900, 900) })),
        await seen(model.get_text_features({ input_ids: ids([[100_000]]) })),
        await seen(model.get_text_features({})),
        await seen(model.embed_text(TEXT, { batch_size: 0 })),
        await seen(model.embed_text(TEXT, { signal: AbortSignal.abort('why') })),
        await seen(model.similarity(new Tensor('float32', [1], [1, 1]), new Tensor('float32', [1], [1, 1]))),
      ],
    );
    expect(there).toEqual(here);
    expect(here[0]).toMatchObject({ code: 'limit_exceeded' });
  });

  test('of pictures', async () => {
    const cut = (await readFile(PHOTO)).subarray(0, 900);
    const big = { data: new Uint8Array(300 * 300), width: 300, height: 300 };
    const bad = [
      new Uint8Array([1, 2, 3]),
      new Uint8Array(),
      cut,
      'nowhere.png',
      5,
      big,
      { data: 'x', width: 1, height: 1 },
    ];
    const [here, there] = await both(
      (options) => Align.load(undefined, { ...options, max_pixels: 80_000 }),
      async (align) => {
        const images = new RawImage(new Uint8Array(3), 1, 1, 3);
        const grown = seen(align.processor.call({ images, images_kwargs: { size: 8192 } }));
        const read = bad.map((picture) => seen(align.embed_image(picture as ImageInput)));
        return Promise.all([...read, grown]);
      },
    );
    expect(there).toEqual(here);
    expect(here.map((error) => (error as { code?: string }).code)).toEqual([
      'unsupported_image',
      'corrupt_image',
      'corrupt_image',
      'not_found',
      'invalid_argument',
      'too_large',
      'invalid_argument',
      'too_large',
    ]);
  });

  test('of loading', async () => {
    const files = golden_files('odd');
    const cut = { ...files, 'model.safetensors': files['model.safetensors'].subarray(0, 5000) };
    const short = { name: 'mine', size: files['model.safetensors'].length, read: () => Promise.reject(mine) };
    const mine = new RangeError('my own');
    const load =
      (source: ModelSource, options: LoadOptions = {}) =>
      async (worker: boolean): Promise<object> =>
        seen(AlignModel.from_pretrained(source, { device: 'wasm', worker, ...options }));
    const broken = { ...files, 'config.json': { ...files['config.json'], projection_dim: 99 } };
    for (const attempt of [
      load(cut),
      load(broken),
      load(golden('nothing')),
      load({ 'config.json': files['config.json'] }),
      load(files, { max_memory: 1000 }),
      load({ ...files, 'model.safetensors': short }),
      load(files, {
        progress_callback: () => {
          throw mine;
        },
      }),
    ]) {
      const here = await attempt(false);
      expect(await attempt(true)).toEqual(here);
    }
    // An error of one's own comes back as the object that it is.
    expect(await load({ ...files, 'model.safetensors': short })(true)).toEqual({ other: mine });
    expect(((await load({ ...files, 'model.safetensors': short })(true)) as { other: unknown }).other).toBe(
      mine,
    );
  });

  test('nothing is ignored: no workers, a GPU that cannot go over, processors of their own', async () => {
    const { offload } = platform;
    delete platform.offload;
    try {
      await refused('invalid_argument', ['worker true', 'node', 'leave it out'], () =>
        AlignModel.from_pretrained(golden('odd'), { worker: true }),
      );
    } finally {
      Object.assign(platform, { offload });
    }
    const gpu = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
    await refused('invalid_argument', ['gpu', 'worker'], () =>
      AlignModel.from_pretrained(golden('odd'), { worker: true, gpu }),
    );
    const options = { worker: true } as object;
    for (const load of [AlignProcessor, EfficientNetImageProcessor, BertTokenizer])
      await refused('invalid_argument', ['worker', 'Align.load'], () =>
        load.from_pretrained(undefined, options),
      );
    await refused('worker_lost', ['cannot be started', 'denied'], () => {
      vi.spyOn(platform as Required<typeof platform>, 'offload').mockImplementation(() => {
        throw new Error('denied');
      });
      return AlignModel.from_pretrained(golden('odd'), { worker: true });
    });
  });
});

describe('The same events', () => {
  async function events(model: ModelSource, options: LoadOptions): Promise<ProgressInfo[]> {
    const heard: ProgressInfo[] = [];
    const loaded = await AlignModel.from_pretrained(model, {
      device: 'wasm',
      ...options,
      progress_callback: (info) => heard.push(structuredClone(info)),
    });
    await loaded.embed_text(TEXT);
    loaded.dispose();
    return heard;
  }

  test('of a folder', async () => {
    const here = await events(golden('odd'), {});
    expect(here.length).toBeGreaterThan(20);
    expect(await events(golden('odd'), { worker: true })).toEqual(here);
  });

  test('of a server, with one’s own fetch', async () => {
    const server = await hostile_server({});
    for (const name of ['config.json', 'model.safetensors'])
      server.files.set(`/m/${name}`, await readFile(golden(`odd/${name}`)));
    let fetched = 0;
    const options: LoadOptions = {
      cache: false,
      fetch: (...request) => {
        fetched++;
        return fetch(...request);
      },
    };
    try {
      const here = await events(`${server.url}/m/`, options);
      const requests = fetched;
      expect(await events(`${server.url}/m/`, { ...options, worker: true })).toEqual(here);
      expect(here.map(({ status }) => status)).toContain('progress_total');
      expect(fetched).toBe(2 * requests);
    } finally {
      await server.close();
    }
  });
});
