// One small model: its answers do not depend on what else is in a batch, on padding, on the order, or on how a call is run.

import fc from 'fast-check';
import { assert } from 'vitest';
import { AlignConfig, round_filters } from '../../src/host/config.ts';
import { align_loss } from '../../src/host/loss.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { expect_same_bits } from '../kernels/support/compare.ts';
import { Random } from '../kernels/support/random.ts';
import { flatten } from '../support/outputs.ts';
import { random_model } from '../support/random_models.ts';
import { order, pick, seed, whole } from './draws.ts';
import { permuted, row } from './rows.ts';
import { property } from './property.ts';

const VISION = {
  ...{ in_channels: [32, 5], out_channels: [5, 9], kernel_sizes: [3, 5], strides: [1, 2], expand_ratios: [1, 3] },
  ...{ num_block_repeats: [1, 2], width_coefficient: 1, depth_coefficient: 1, depth_divisor: 1 },
}; // prettier-ignore
const config = new AlignConfig({
  text_config: { vocab_size: 30, hidden_size: 15, num_attention_heads: 3, num_hidden_layers: 2, intermediate_size: 21, max_position_embeddings: 24 },
  vision_config: VISION,
  projection_dim: round_filters(VISION, 9),
}); // prettier-ignore
const model = await random_model(config, { device: 'wasm', threads: 1 });
const { vocab_size, max_position_embeddings } = config.text_config;
const width = config.projection_dim;

interface Texts {
  readonly rows: number;
  readonly length: number;
  readonly ids: Int32Array;
  readonly mask: Int32Array;
  readonly types: Int32Array;
}

/** Texts of one length, of which masks keep the first token and any others. */
const texts: fc.Arbitrary<Texts> = fc
  .record({ rows: whole(1, 4), length: whole(1, 12), seed, kept: whole(1, 5) })
  .map(({ rows, length, seed, kept }) => {
    const random = new Random(seed);
    const size = rows * length;
    const mask = random.integers(size, 5).map((v, i) => Number(v < kept || i % length === 0));
    return { rows, length, mask, ids: random.integers(size, vocab_size), types: random.integers(size, 2) };
  });

function inputs({ rows, length, ids, mask, types }: Texts): Record<string, Tensor> {
  const tensor = (data: Int32Array): Tensor => new Tensor('int32', data, [rows, length]);
  return { input_ids: tensor(ids), attention_mask: tensor(mask), token_type_ids: tensor(types) };
}

/** Each list of the texts, gone through `change`. */
const changed = (of: Texts, change: (values: Int32Array) => ArrayLike<number>): Pick<Texts, 'ids' | 'mask' | 'types'> => ({
  ids: Int32Array.from(change(of.ids)),
  mask: Int32Array.from(change(of.mask)),
  types: Int32Array.from(change(of.types)),
}); // prettier-ignore

const embed = async (of: Texts): Promise<Float32Array> => (await model.embed_text(inputs(of))).data;

interface Pictures {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

const pictures: fc.Arbitrary<Pictures> = fc
  .record({ count: whole(1, 3), height: whole(5, 14), width: whole(5, 14), seed })
  .map(({ count, height, width, seed }) => ({
    ...{ count, height, width },
    data: new Random(seed).floats(count * 3 * height * width),
  }));

const pixels = ({ count, height, width, data }: Pictures): { pixel_values: Tensor } => ({
  pixel_values: new Tensor('float32', data, [count, 3, height, width]),
});

property('A text alone has the bits that it has among others', [texts, whole(0, 3)], async (of, any) => {
  const i = any % of.rows;
  const alone = {
    ...of,
    rows: 1,
    ...changed(of, (values) => values.slice(i * of.length, (i + 1) * of.length)),
  };
  expect_same_bits(await embed(alone), row(await embed(of), i, width), `text ${i}`);
});

property(
  'A picture alone has the bits that it has among others',
  [pictures, whole(0, 2)],
  async (of, any) => {
    const i = any % of.count;
    const alone = { ...of, count: 1, data: row(of.data, i, of.data.length / of.count) };
    const [one, all] = [await model.embed_image(pixels(alone)), await model.embed_image(pixels(of))];
    expect_same_bits(one.data, row(all.data, i, width), `picture ${i}`);
  },
);

property(
  'Texts and pictures in another order give embeddings in that order',
  [
    texts.chain((of) => fc.tuple(fc.constant(of), order(of.rows))),
    pictures.chain((of) => fc.tuple(fc.constant(of), order(of.count))),
  ],
  async ([of, places], [images, turns]) => {
    const { length } = of;
    const moved = {
      ...of,
      ...changed(of, (values) => places.flatMap((p) => [...values.slice(p * length, (p + 1) * length)])),
    };
    expect_same_bits(await embed(moved), permuted(await embed(of), width, places), 'texts');
    const after = await model.embed_image(
      pixels({ ...images, data: permuted(images.data, images.data.length / images.count, turns) }),
    );
    expect_same_bits(
      after.data,
      permuted((await model.embed_image(pixels(images))).data, width, turns),
      'pictures',
    );
  },
);

property(
  'Padding at the end changes no bit, whatever is in it',
  [texts, whole(1, 12), seed],
  async (of, more, seed) => {
    const random = new Random(seed);
    const length = of.length + more;
    const padded = (values: Int32Array, fill: (count: number) => ArrayLike<number>): Int32Array =>
      Int32Array.from(
        Array.from({ length: of.rows }, (_, i) => [
          ...values.slice(i * of.length, (i + 1) * of.length),
          ...Array.from(fill(more)),
        ]).flat(),
      );
    const longer = {
      ...{ rows: of.rows, length, ids: padded(of.ids, (n) => random.integers(n, vocab_size)) },
      ...{
        types: padded(of.types, (n) => random.integers(n, 2)),
        mask: padded(of.mask, (n) => new Int32Array(n)),
      },
    };
    expect_same_bits(await embed(longer), await embed(of), `${more} more`);
  },
);

property(
  'What is masked does not matter, and how a mask says so neither',
  [texts, seed, pick('int32', 'int64', 'uint8', 'float32')],
  async (of, seed, type) => {
    const others = new Random(seed).integers(of.ids.length, vocab_size);
    const ids = of.ids.map((id, i) => (of.mask[i] ? id : others[i]!));
    const mask = new Tensor(
      type,
      [...of.mask].map((v, i) => v && 1 + ((seed + i) % 100)),
      [of.rows, of.length],
    );
    const { data } = await model.embed_text({ ...inputs({ ...of, ids }), attention_mask: mask });
    expect_same_bits(data, await embed(of), 'masked');
  },
);

property('What a call leaves out is what it has by default', [texts], async (of) => {
  const { input_ids } = inputs(of);
  const ones = { ...of, mask: of.mask.map(() => 1), types: of.types.map(() => 0) };
  const positions = new Tensor(
    'int64',
    Array.from({ length: of.length }, (_, i) => i),
    [1, of.length],
  );
  const { data } = await model.embed_text({ ...inputs(ones), position_ids: positions });
  expect_same_bits((await model.embed_text({ input_ids: input_ids! })).data, data, 'by default');
});

property(
  'How a call is run changes no bit: batch_size, yield_ms, a signal, taps',
  [texts, pictures, whole(1, 5), pick(0, 0.01, 16), fc.boolean()],
  async (of, images, batch_size, yield_ms, signal) => {
    const both = { ...inputs(of), ...pixels(images) };
    const plain = flatten(await model.forward(both));
    const options = { batch_size, yield_ms, ...(signal && { signal: new AbortController().signal }) };
    const tapped = flatten(
      await model.forward({ ...both, output_hidden_states: true, output_attentions: true }, options),
    );
    for (const [name, { data }] of Object.entries(plain))
      expect_same_bits(tapped[name]!.data as Float32Array, data as Float32Array, name);
    expect_same_bits(await embed(of), plain.text_embeds!.data as Float32Array, 'text_embeds');
    const features = await model.get_image_features(pixels(images), options);
    expect_same_bits(
      features.pooler_output!.data,
      plain['vision_model_output.pooler_output']!.data as Float32Array,
      'features',
    );
  },
);

property(
  'Taps are what they are taps of: the last is the output, and attention adds up to 1',
  [texts],
  async (of) => {
    const { last_hidden_state, hidden_states, attentions } = await model.get_text_features({
      ...inputs(of),
      output_hidden_states: true,
      output_attentions: true,
    });
    assert.strictEqual(hidden_states!.length, config.text_config.num_hidden_layers + 1);
    expect_same_bits(hidden_states!.at(-1)!.data, last_hidden_state!.data, 'the last');
    for (const { data, dims } of attentions!) {
      assert.deepEqual(dims, [of.rows, 3, of.length, of.length]);
      data.forEach((p, i) => { assert(p >= 0 && (of.mask[Math.floor(i / (3 * of.length ** 2)) * of.length + (i % of.length)] || p === 0)); }); // prettier-ignore
      for (let i = 0; i < data.length; i += of.length)
        assert(Math.abs(data.slice(i, i + of.length).reduce((a, b) => a + b, 0) - 1) < 1e-5);
    }
  },
);

property(
  'Embeddings have length 1, and logits are their cosines by the temperature, either way round',
  [texts, pictures],
  async (of, images) => {
    const pairs = of.rows === images.count;
    const out = await model.forward({ ...inputs(of), ...pixels(images), return_loss: pairs });
    for (const { data, dims } of [out.text_embeds, out.image_embeds])
      for (let i = 0; i < dims[0]!; i++)
        assert(Math.abs(row(data, i, width).reduce((sum, v) => sum + v * v, 0) - 1) < 1e-5);
    const { data } = out.logits_per_text;
    assert.deepEqual(
      [out.logits_per_text.dims, out.logits_per_image.dims],
      [
        [of.rows, images.count],
        [images.count, of.rows],
      ],
    );
    const turned = Float32Array.from(
      data,
      (_, k) => out.logits_per_image.data[(k % images.count) * of.rows + Math.floor(k / images.count)]!,
    );
    expect_same_bits(turned, data, 'logits_per_image');
    expect_same_bits((await model.similarity(out.text_embeds, out.image_embeds)).data, data, 'similarity');
    assert.strictEqual(out.loss === null, !pairs);
    if (out.loss) assert.strictEqual(out.loss.item(), Math.fround(align_loss(out.logits_per_text)));
  },
);

property(
  'Ids beyond the vocabulary, and more tokens than positions, are refused by name',
  [texts, fc.nat(), pick(vocab_size, -1, 2 ** 31 - 1)],
  async (of, any, bad) => {
    const ids = of.ids.slice();
    ids[any % ids.length] = bad;
    const outcome = await model.embed_text(inputs({ ...of, ids })).then(() => null, (error: unknown) => error); // prettier-ignore
    assert.deepInclude(outcome, { code: 'out_of_vocabulary' });
    const long = new Tensor('int32', new Int32Array(of.rows * (max_position_embeddings + 1)), [
      of.rows,
      max_position_embeddings + 1,
    ]);
    assert.deepInclude(await model.embed_text({ input_ids: long }).then(() => null, (error: unknown) => error), { code: 'too_many_tokens' }); // prettier-ignore
  },
);
