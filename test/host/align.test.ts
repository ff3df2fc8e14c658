// class Align with the checkpoint of the embedded model: against transformers' own answers, and every rule of the five-line API.

import { readFile } from 'node:fs/promises';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Align } from '../../src/host/align.ts';
import type { AlignError } from '../../src/host/errors.ts';
import { LabelSet } from '../../src/host/label_set.ts';
import { pipeline } from '../../src/host/pipeline.ts';
import { dot } from '../../src/host/scores.ts';
import { CHECKPOINT, picture, ZERO_SHOT } from './zero_shot.ts';

let align: Align;
let dog: Uint8Array;
let pizza: Uint8Array;

beforeAll(async () => {
  align = await Align.load(CHECKPOINT);
  dog = await readFile(picture('dog'));
  pizza = await readFile(picture('pizza'));
});
afterAll(() => align.dispose());

async function refusal(promise: Promise<unknown>): Promise<AlignError> {
  try {
    await promise;
  } catch (error) {
    return error as AlignError;
  }
  throw new Error('nothing was refused');
}

describe('embed_text and embed_image', () => {
  it('give unit-length vectors, in memory of their own', async () => {
    const texts = await align.embed_text(['a dog', 'pizza']);
    const images = await align.embed_image([dog, pizza]);
    for (const vector of [...texts, ...images]) {
      expect(vector).toBeInstanceOf(Float32Array);
      expect(vector.length).toBe(align.model.config.projection_dim);
      expect(Math.sqrt(dot(vector, vector))).toBeCloseTo(1, 6);
      expect(vector.buffer.byteLength).toBe(vector.byteLength);
    }
  });

  it('give one vector for one input and the same bits as in an array of any batch size', async () => {
    const texts = ['dog', 'a very small red umbrella', 'pizza', '', 'dog'];
    const alone = await Promise.all(texts.map((text) => align.embed_text(text)));
    for (const batch_size of [1, 2, 64]) expect(await align.embed_text(texts, { batch_size })).toEqual(alone);
    expect(await align.embed_text(texts)).toEqual(alone);
    const image = await align.embed_image(dog);
    expect(await align.embed_image([pizza, dog, dog], { batch_size: 2 })).toEqual([
      await align.embed_image(pizza),
      image,
      image,
    ]);
  });

  it('are the features of transformers brought to length 1', async () => {
    const { labels, pictures, features } = ZERO_SHOT;
    const texts = await align.embed_text(labels);
    const images = await align.embed_image(pictures.map(picture));
    const expected = [...features.text, ...features.image];
    [...texts, ...images].forEach((vector, i) => {
      const length = Math.sqrt(dot(expected[i]!, expected[i]!));
      const worst = Math.max(...expected[i]!.map((value, j) => Math.abs(value / length - vector[j]!)));
      expect(worst).toBeLessThan(5e-6);
    });
  });

  it('take a path, a URL and bytes alike', async () => {
    const url = new URL(`../../examples/pictures/dog.png`, import.meta.url);
    const [a, b, c] = await align.embed_image([picture('dog'), url, dog]);
    expect(a).toEqual(b);
    expect(a).toEqual(c);
  });

  it('refuse empty arrays, other types and unknown options', async () => {
    expect((await refusal(align.embed_text([]))).message).toContain('embed_text: text is empty');
    expect((await refusal(align.embed_image([]))).message).toContain('embed_image: image is empty');
    const number = await refusal(align.embed_text(['a', 5 as unknown as string]));
    expect([number.code, number.message]).toEqual([
      'invalid_argument',
      'embed_text: text[1] must be a text, not 5',
    ]);
    expect((await refusal(align.embed_text(undefined as unknown as string))).code).toBe('invalid_argument');
    expect((await refusal(align.embed_image(undefined as unknown as string))).code).toBe('invalid_argument');
    expect((await refusal(align.embed_text('a', { batch: 1 } as object))).message).toContain('"batch"');
    expect((await refusal(align.embed_image(dog, { batch_size: 0 }))).message).toContain('batch_size 0');
  });

  it('name a picture that is not one, and go on working', async () => {
    expect((await refusal(align.embed_image(Uint8Array.of(1, 2, 3)))).code).toMatch(/_image$/);
    expect((await refusal(align.embed_image(picture('no such picture')))).code).toBe('not_found');
    expect(await align.embed_image([pizza])).toHaveLength(1);
  });

  it('name a text with more tokens than the model has positions', async () => {
    expect((await refusal(align.embed_text('dog '.repeat(500)))).code).toBe('too_many_tokens');
  });
});

describe('classify', () => {
  it.each(Object.keys(ZERO_SHOT.scores))(
    'gives the scores of transformers with template %j',
    async (template) => {
      const options = { hypothesis_template: template };
      const results = await align.classify(ZERO_SHOT.pictures.map(picture), ZERO_SHOT.labels, options);
      ZERO_SHOT.pictures.forEach((name, i) => {
        const expected = ZERO_SHOT.scores[template]![name]!;
        expect(results[i]!.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
        results[i]!.forEach(({ score }, j) =>
          expect(Math.abs(score - expected[j]!.score)).toBeLessThan(2e-5),
        );
      });
    },
  );

  it('ranks all labels; softmax shares are those of the logits, logits are cosines by temperature', async () => {
    const labels = ['pizza', 'dog', 'cat', 'pizza'];
    const by_label = async (scores: 'softmax' | 'cosine' | 'logits'): Promise<Map<string, number>> =>
      new Map((await align.classify(pizza, labels, { scores })).map(({ label, score }) => [label, score]));
    const ranked = await align.classify(pizza, labels);
    expect(ranked.map(({ label }) => label).slice(0, 2)).toEqual(['pizza', 'pizza']);
    expect(ranked.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 12);
    expect(ranked[0]!.score).toBe(ranked[1]!.score);
    const [softmax, cosine, logits] = [
      await by_label('softmax'),
      await by_label('cosine'),
      await by_label('logits'),
    ];
    const temperature = cosine.get('pizza')! / logits.get('pizza')!;
    for (const label of labels) {
      expect(Math.abs(cosine.get(label)!)).toBeLessThanOrEqual(1.000001);
      expect(cosine.get(label)! / temperature).toBeCloseTo(logits.get(label)!, 4);
      const ratio = Math.exp(logits.get(label)! - logits.get('dog')!);
      expect(softmax.get(label)! / softmax.get('dog')! / ratio).toBeCloseTo(1, 9);
    }
  });

  it('keeps the best top_k, one label alone has all', async () => {
    const labels = ['dog', 'cat', 'pizza'];
    const all = await align.classify(dog, labels);
    expect(await align.classify(dog, labels, { top_k: 2 })).toEqual(all.slice(0, 2));
    expect(await align.classify(dog, labels, { top_k: 10 })).toEqual(all);
    expect(await align.classify(dog, ['dog'])).toEqual([{ label: 'dog', score: 1 }]);
  });

  it('does not take {} or $ in a label for anything but text', async () => {
    const label = "$& {} $'";
    const [score] = await align.classify(dog, [label], { scores: 'cosine', hypothesis_template: 'a {}' });
    const [image, text] = [await align.embed_image(dog), await align.embed_text(`a ${label}`)];
    expect(score).toEqual({ label, score: dot(text, image) });
  });

  it.each<[string, unknown, unknown, string]>([
    ['no labels', [], undefined, 'classify: labels is empty'],
    ['one text for labels', 'dog', undefined, 'classify: labels must be an array, not "dog"'],
    ['a label that is no text', ['dog', null], undefined, 'labels[1] must be a text, not null'],
    ['top_k 0', ['dog'], { top_k: 0 }, 'top_k 0 is not supported; it must be a positive integer'],
    ['top_k 1.5', ['dog'], { top_k: 1.5 }, 'top_k 1.5'],
    ['unknown scores', ['dog'], { scores: 'best' }, 'scores "best"'],
    ['a template without {}', ['dog'], { hypothesis_template: 'a photo' }, 'hypothesis_template "a photo"'],
    ['a misspelt option', ['dog'], { topk: 1 }, 'did you mean top_k?'],
  ])('refuses %s', async (_, labels, options, message) => {
    const error = await refusal(align.classify(dog, labels as string[], options as object));
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toContain(message);
  });
});

describe('label_set', () => {
  it('gives the scores that its labels give, also from bytes', async () => {
    const labels = ['dog', 'pizza', 'dog'];
    const set = await align.label_set(labels, { hypothesis_template: 'a picture of {}' });
    expect([set.size, set.dimensions]).toEqual([3, align.model.config.projection_dim]);
    expect(set.embeddings[0]).toEqual(await align.embed_text('a picture of dog'));
    const direct = await align.classify([dog, pizza], labels, { hypothesis_template: 'a picture of {}' });
    expect(await align.classify([dog, pizza], set)).toEqual(direct);
    expect(await align.classify([dog, pizza], LabelSet.from_bytes(set.to_bytes()))).toEqual(direct);
  });

  it('refuses no labels, a template for a finished set, and a set of another width', async () => {
    expect((await refusal(align.label_set([]))).message).toContain('label_set: labels is empty');
    const set = await align.label_set(['dog']);
    const late = await refusal(align.classify(dog, set, { hypothesis_template: 'a {}' }));
    expect([late.code, late.hint]).toEqual(['invalid_argument', 'give it to label_set()']);
    const narrow = new LabelSet(['dog'], [Float32Array.of(1, 0)], '{}');
    expect((await refusal(align.classify(dog, narrow))).code).toBe('shape_mismatch');
  });
});

describe('mix', () => {
  it('is the unit-length weighted sum of its unit-length parts', async () => {
    const [text, image] = [await align.embed_text('red'), await align.embed_image(dog)];
    const mixed = await align.mix([
      { image: dog },
      { text: 'red', weight: -0.5 },
      { embedding: text.map((v) => v * 100), weight: 2 },
    ]);
    const sum = Float64Array.from(image, (v, i) => v + 1.5 * text[i]!);
    const length = Math.sqrt(dot(sum, sum));
    expect(Math.max(...mixed.map((v, i) => Math.abs(v - sum[i]! / length)))).toBeLessThan(1e-7);
    expect(dot(mixed, mixed)).toBeCloseTo(1, 6);
  });

  it('keeps the order of texts and pictures among each other', async () => {
    const one = await align.mix([
      { text: 'dog', weight: 3 },
      { image: pizza },
      { text: 'cat' },
      { image: dog, weight: 2 },
    ]);
    const other = await align.mix([
      { text: 'cat' },
      { image: dog, weight: 2 },
      { image: pizza },
      { text: 'dog', weight: 3 },
    ]);
    expect(dot(one, other)).toBeCloseTo(1, 6);
  });

  it.each<[string, unknown, string]>([
    ['no parts', [], 'mix: parts is empty'],
    ['parts that are no array', { text: 'dog' }, 'mix: parts must be an array'],
    ['a part of nothing', [{ weight: 1 }], 'parts[0] has 0 of text, image and embedding'],
    ['a part of two things', [{ text: 'a', embedding: [1] }], 'parts[0] has 2 of'],
    ['a part that is missing', [undefined], 'parts[0] is undefined'],
    ['a part that is a text', ['dog'], 'must be an object, not "dog"'],
    ['a weight that is not finite', [{ text: 'a', weight: Infinity }], 'weight Infinity'],
    ['a weight too large', [{ text: 'a', weight: 1e308 }], 'weight 1e+308 is not supported'],
    ['a weight too small', [{ text: 'a', weight: -5e-324 }], 'magnitude 1e-100 to 1e100'],
    ['an unknown key', [{ txt: 'a' }], 'did you mean text?'],
    ['an embedding of another width', [{ embedding: [1, 2] }], 'parts[0] has 2 values'],
    ['parts that cancel out', [{ text: 'dog' }, { text: 'dog', weight: -1 }], 'cancel out'],
    ['weights that are all zero', [{ text: 'dog', weight: 0 }], 'cancel out'],
  ])('refuses %s', async (_, parts, message) => {
    const error = await refusal(align.mix(parts as []));
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toContain(message);
  });

  it('takes weights of any usual size, and an embedding of another realm', async () => {
    const embedding = await align.embed_text('dog');
    for (const weight of [1e-100, 0.1, 7, 1e100])
      expect(dot(await align.mix([{ text: 'dog', weight }]), embedding)).toBeCloseTo(1, 6);
    const other = runInNewContext('Float32Array.from(embedding)', { embedding }) as Float32Array;
    expect(await align.mix([{ embedding: other }])).toEqual(await align.mix([{ embedding }]));
  });

  it('refuses an embedding without a direction', async () => {
    const width = align.model.config.projection_dim;
    for (const value of [0, NaN, Infinity])
      expect(
        (await refusal(align.mix([{ embedding: new Float32Array(width).fill(value) }]))).message,
      ).toContain('no direction');
  });
});

describe('a model as a whole', () => {
  it('queues calls made at once and answers each as if it were alone', async () => {
    const alone = [await align.embed_text('dog'), await align.embed_image(dog)];
    const [text, scores, image] = await Promise.all([
      align.embed_text('dog'),
      align.classify(dog, ['dog', 'cat']),
      align.embed_image(dog),
    ]);
    expect([text, image]).toEqual(alone);
    expect(scores).toHaveLength(2);
  });

  it('goes by options and parts as they were when it was called', async () => {
    const texts = ['dog', 'cat'];
    const expected = await align.embed_text(texts);
    const options = { batch_size: 1, top_k: 1 };
    const first = align.embed_text(texts, { batch_size: 1 });
    const second_options = { batch_size: 1 };
    const second = align.embed_text(texts, second_options);
    const inputs = await align.processor.call({ text: texts, padding: true });
    const model_options = { batch_size: 1 };
    const of_model = align.model.embed_text(inputs, model_options);
    const ranked = align.classify(dog, texts, options);
    const part = { text: 'dog', weight: 1 };
    const mixed = align.mix([part, { text: 'cat', weight: 0.5 }]);
    second_options.batch_size = model_options.batch_size = options.top_k = options.batch_size = 0;
    part.weight = -1;
    expect(await first).toEqual(expected);
    expect(await second).toEqual(expected);
    expect([...(await of_model).data]).toEqual(expected.flatMap((row) => [...row]));
    expect(await ranked).toHaveLength(1);
    expect(dot(await mixed, expected[0]!)).toBeGreaterThan(0);
  });

  it('stops on a signal, before and during a call, and works afterwards', async () => {
    expect((await refusal(align.embed_text('dog', { signal: AbortSignal.abort() }))).code).toBe('aborted');
    const control = new AbortController();
    const call = align.embed_image(
      Array.from({ length: 40 }, () => dog),
      { signal: control.signal, batch_size: 1 },
    );
    setTimeout(() => control.abort(), 5);
    expect((await refusal(call)).code).toBe('aborted');
    expect(await align.embed_text('dog')).toHaveLength(align.model.config.projection_dim);
    expect((await refusal(Align.load(CHECKPOINT, { signal: AbortSignal.abort() }))).code).toBe('aborted');
  });

  it('takes align.wasm as bytes, a Module, or a Response, which can be read only once', async () => {
    const bytes = await readFile(new URL('../../dist/align.wasm', import.meta.url));
    for (const wasm of [bytes, await WebAssembly.compile(bytes), new Response(bytes)]) {
      const own = await Align.load(CHECKPOINT, { wasm });
      expect(await own.embed_text('anchor')).toEqual(await align.embed_text('anchor'));
      own.dispose();
    }
    const extract = await pipeline('feature-extraction', undefined, { wasm: new Response(bytes) });
    expect((await extract('anchor')).dims).toEqual([1, align.model.config.projection_dim]);
    extract.dispose();
  });

  it('says what a server answered in place of align.wasm', async () => {
    const { code, message } = await refusal(
      Align.load(CHECKPOINT, { wasm: new Response('<h1>Not here</h1>', { status: 404 }) }),
    );
    expect([code, message]).toEqual(['network', 'wasm: the response: HTTP 404']);
  });

  it('refuses options that this version does not support, and models that are not there', async () => {
    const npu = await refusal(Align.load(CHECKPOINT, { device: 'npu' as 'wasm' }));
    expect([npu.code, npu.message]).toEqual([
      'invalid_argument',
      'Align.load: device "npu" is not supported; it must be "wasm" or "webgpu" or "auto"',
    ]);
    expect((await refusal(Align.load('no/such/model'))).code).toBe('not_found');
    expect((await refusal(Align.load(5 as unknown as string))).code).toBe('invalid_argument');
  });

  it('loads one tower alone, with the same bits', async () => {
    const text = await Align.load(CHECKPOINT, { towers: 'text' });
    expect(await text.embed_text('dog')).toEqual(await align.embed_text('dog'));
    expect((await refusal(text.embed_image(dog))).code).toBe('invalid_argument');
    expect(text.model.memory.weights).toBeLessThan(align.model.memory.weights);
    text.dispose();
    const set = LabelSet.from_bytes((await align.label_set(['dog', 'pizza'])).to_bytes());
    const vision = await Align.load(CHECKPOINT, { towers: 'vision' });
    expect(await vision.classify(pizza, set)).toEqual(await align.classify(pizza, set));
    vision.dispose();
  });

  it('reports progress up to ready', async () => {
    const events: string[] = [];
    const loaded = await Align.load(CHECKPOINT, { progress_callback: ({ status }) => events.push(status) });
    loaded.dispose();
    expect(events[0]).toBe('initiate');
    expect(events).toContain('progress');
    expect(events.at(-1)).toBe('ready');
  });

  it('throws disposed after dispose, twice is fine, and `using` does it too', async () => {
    const first = await Align.load(CHECKPOINT, { towers: 'text' });
    first.dispose();
    first.dispose();
    for (const call of [
      first.embed_text('dog'),
      first.embed_image(dog),
      first.classify(dog, ['dog']),
      first.label_set(['dog']),
      first.mix([{ text: 'dog' }]),
    ])
      expect((await refusal(call)).code).toBe('disposed');
    const busy = await Align.load(CHECKPOINT, { towers: 'vision' });
    const running = busy.embed_image([dog, pizza, dog], { batch_size: 1 });
    const waiting = busy.embed_image(dog);
    busy.dispose();
    for (const call of [running, waiting]) expect((await refusal(call)).code).toBe('disposed');
    const second = await Align.load(CHECKPOINT, { towers: 'text' });
    second[Symbol.dispose]();
    expect((await refusal(second.embed_text('dog'))).code).toBe('disposed');
    const third = await Align.load(CHECKPOINT, { towers: 'text' });
    await third[Symbol.asyncDispose]();
    expect((await refusal(third.embed_text('dog'))).code).toBe('disposed');
  });
});
