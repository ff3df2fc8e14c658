// Calls that a program makes of a model, good and bad: each comes to the same every time, or to an error with its code.

import { readdirSync, readFileSync } from 'node:fs';
import type { Align } from '../../../src/host/align.ts';
import { LabelSet } from '../../../src/host/label_set.ts';
import { AlignIndex } from '../../../src/host/search/align_index.ts';
import { Tensor } from '../../../src/host/tensor.ts';
import { golden } from '../../support/edited_checkpoint.ts';

export interface Case {
  readonly name: string;
  /** The code of the error that it ends in. */
  readonly code?: string;
  /** Whether it may also end in `aborted`, as it is called off under way. */
  readonly aborts?: boolean;
  run(): unknown;
}

const WORDS =
  'a red sailboat on the sea beside two trees under an umbrella with one dog and three fish'.split(' ');
/** The last case of this name takes the most memory of all. */
export const LARGEST = 'forward with taps';

const TAPS = { output_hidden_states: true, output_attentions: true };
const files = (folder: string, names: RegExp): Uint8Array[] =>
  readdirSync(folder)
    .filter((name) => names.test(name))
    .map((name) => new Uint8Array(readFileSync(`${folder}/${name}`)));

/** The first `count` of the words, over and over. */
const text = (count: number): string =>
  Array.from({ length: count }, (_, i) => WORDS[(i * 7 + count) % WORDS.length]).join(' ');

function pixels(batch: number, height: number, width: number): Tensor {
  const length = batch * 3 * height * width;
  const values = Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 50 - 1);
  return new Tensor('float32', values, [batch, 3, height, width]);
}

/** Ids of texts of `tokens` tokens, the first of them one shorter. */
function ids(texts: number, tokens: number): { input_ids: Tensor; attention_mask: Tensor } {
  const at = (i: number): number => (i * 31 + tokens) % 900;
  const length = texts * tokens;
  const dims = [texts, tokens];
  return {
    input_ids: new Tensor(
      'int64',
      Array.from({ length }, (_, i) => at(i)),
      dims,
    ),
    attention_mask: new Tensor(
      'int64',
      Array.from({ length }, (_, i) => Number(i !== tokens - 1)),
      dims,
    ),
  };
}

/** Gives what a call gives that is called off `turns` turns of the event loop after its start. */
async function called_off<T>(turns: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const calling = call(controller.signal);
  calling.catch(() => undefined); // it is looked at below
  for (let i = 0; i < turns; i++) await new Promise((resume) => setImmediate(resume));
  controller.abort();
  return calling;
}

/** An index is filled, asked, written and read again. */
async function indexed(
  align: Align,
  embeddings: readonly Float32Array[],
  dtype: 'fp32' | 'int8' | 'binary',
): Promise<unknown> {
  using index = await align.create_index({ dtype });
  embeddings.forEach((embedding, i) => index.add(`picture ${i}`, embedding, { i }));
  index.remove('picture 1');
  using again = await AlignIndex.from_bytes(index.to_bytes());
  return [
    index.search(embeddings[0]!, 3),
    again.search([...embeddings], 2, { filter: (id) => id !== 'picture 2' }),
  ];
}

/** All of them, for a model that is loaded. */
export async function cases(align: Align): Promise<Case[]> {
  const pngs = files(new URL('../../../examples/pictures', import.meta.url).pathname, /\.png$/);
  const jpegs = files(new URL('../../runtimes/photos', import.meta.url).pathname, /\.jpg$/);
  const pictures = [...pngs, ...jpegs];
  const labels = await align.label_set(WORDS, { hypothesis_template: 'a picture of {}' });
  const embeddings = await align.embed_image(pngs);
  const damaged = (bytes: Uint8Array): Uint8Array =>
    bytes.map((byte, i) => (i > bytes.length / 2 && i < bytes.length / 2 + 40 ? byte ^ 255 : byte));
  const { model } = align;

  const good: Case[] = [
    ...[1, 2, 3, 5, 8, 13, 21, 34, 55].map((count) => ({
      name: 'embed_text',
      run: () => align.embed_text(text(count)),
    })),
    ...[2, 3, 5].map((count) => ({
      name: 'embed_text of several',
      run: () =>
        align.embed_text(
          Array.from({ length: count }, (_, i) => text(1 + i * count)),
          { batch_size: 2 },
        ),
    })),
    ...pictures.map((picture) => ({ name: 'embed_image', run: () => align.embed_image(picture) })),
    { name: 'embed_image of several', run: () => align.embed_image([pngs[0]!, jpegs[0]!], { yield_ms: 1 }) },
    {
      name: 'embed_image of samples',
      run: () =>
        align.embed_image({ data: new Uint8Array(90 * 70 * 3).fill(99), width: 90, height: 70, channels: 3 }),
    },
    ...pictures.slice(-5).map((picture) => ({
      name: 'classify by a label set',
      run: () => align.classify(picture, labels, { top_k: 3 }),
    })),
    {
      name: 'classify',
      run: () => align.classify(pngs[3]!, ['a dog', 'a bicycle', 'a fish'], { scores: 'cosine' }),
    },
    {
      name: 'mix',
      run: () =>
        align.mix([{ text: 'a dog' }, { image: pngs[2]! }, { embedding: embeddings[1]!, weight: -1 }]),
    },
    ...[
      [1, 48, 48, 1, 9],
      [1, 61, 40, 2, 5],
      [2, 33, 70, 1, 17],
      [1, 90, 64, 3, 4],
    ].map(([batch, height, width, texts, tokens]) => ({
      name: LARGEST,
      run: () =>
        model.forward({ ...ids(texts!, tokens!), pixel_values: pixels(batch!, height!, width!), ...TAPS }),
    })),
    ...(['fp32', 'int8', 'binary'] as const).map((dtype) => ({
      name: `create_index ${dtype}, search`,
      run: () => indexed(align, embeddings, dtype),
    })),
    { name: 'a label set there and back', run: () => LabelSet.from_bytes(labels.to_bytes()).embeddings },
  ];
  const off: Case[] = [0, 1, 2, 4, 8].flatMap((turns) => [
    {
      name: 'embed_image, called off',
      aborts: true,
      run: () =>
        called_off(turns, (signal) => align.embed_image(pngs.slice(0, 2), { signal, yield_ms: 0.1 })),
    },
    {
      name: 'forward, called off',
      aborts: true,
      run: () =>
        called_off(turns, (signal) =>
          model.forward(
            { ...ids(1, 6), pixel_values: pixels(1, 40, 40), ...TAPS },
            { signal, yield_ms: 0.1 },
          ),
        ),
    },
  ]);
  const bad: Case[] = [
    {
      name: 'a number as text',
      code: 'invalid_argument',
      run: () => align.embed_text(7 as unknown as string),
    },
    { name: 'no texts', code: 'invalid_argument', run: () => align.embed_text([]) },
    {
      name: 'an unknown option',
      code: 'invalid_argument',
      run: () => align.embed_text('x', { batch: 1 } as object),
    },
    {
      name: 'no picture',
      code: 'unsupported_image',
      run: () => align.embed_image(new Uint8Array(100).fill(65)),
    },
    ...pictures.flatMap((picture, i) => [
      ...(i % 3 === 0
        ? [
            {
              name: 'a picture cut off',
              code: 'corrupt_image',
              run: () => align.embed_image(picture.subarray(0, picture.length / 2)),
            },
          ]
        : []),
    ]),
    { name: 'a damaged PNG', code: 'corrupt_image', run: () => align.embed_image(damaged(pngs[4]!)) },
    {
      name: 'too many pixels',
      code: 'too_large',
      run: () =>
        align.embed_image({ data: new Uint8Array(4_000_003), width: 4_000_003, height: 1, channels: 1 }),
    },
    {
      name: 'ids beyond the vocabulary',
      code: 'out_of_vocabulary',
      run: () =>
        model.forward({ input_ids: new Tensor('int64', [1e6], [1, 1]), pixel_values: pixels(1, 40, 40) }),
    },
    { name: 'too many tokens', code: 'too_many_tokens', run: () => model.get_text_features(ids(1, 500)) },
    {
      name: 'channels that do not fit',
      code: 'invalid_argument',
      run: () =>
        model.get_image_features({
          pixel_values: new Tensor('float32', new Float32Array(2 * 40 * 40), [1, 2, 40, 40]),
        }),
    },
    {
      name: 'called off before',
      code: 'aborted',
      run: () => align.embed_text('x', { signal: AbortSignal.abort() }),
    },
    {
      name: 'no such model',
      code: 'not_found',
      run: () => (align.constructor as typeof Align).load(golden('no such folder')),
    },
  ];
  return [...good, ...off, ...bad];
}
