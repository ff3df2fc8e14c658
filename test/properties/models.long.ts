// Models of any configuration: their answers do not depend on how they are stored, loaded or limited.

import fc from 'fast-check';
import { assert } from 'vitest';
import { WEIGHT_DTYPES } from '../../src/host/checkpoint/formats.ts';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../../src/host/models.ts';
import { packed } from '../support/packed.ts';
import { bits, random_files } from '../support/random_models.ts';
import { pick, seed } from './draws.ts';
import { config, inputs_of, TAPS } from './model_draws.ts';
import { property } from './property.ts';

const options = { device: 'wasm', threads: 1 } as const;

property(
  'A packed file answers as the checkpoint does that is loaded with its dtype',
  [config, seed, pick(...WEIGHT_DTYPES)],
  async (config, seed, dtype) => {
    const inputs = inputs_of(config, seed);
    const files = await random_files(config);
    const [plain, one] = await Promise.all([
      AlignModel.from_pretrained(files, { ...options, dtype }),
      AlignModel.from_pretrained(await packed(files, { dtype }), options),
    ]);
    assert.strictEqual(one.dtype, dtype);
    assert.deepEqual(
      bits(await one.forward({ ...inputs, ...TAPS })),
      bits(await plain.forward({ ...inputs, ...TAPS })),
    );
    plain.dispose();
    one.dispose();
  },
);

property(
  'A tower alone, and a word table that stays on disk, answer as the whole model does',
  [config, seed],
  async (config, seed) => {
    const inputs = inputs_of(config, seed);
    const files = await random_files(config);
    const [model, rows, text, vision] = await Promise.all([
      AlignModel.from_pretrained(files, options),
      AlignModel.from_pretrained(files, { ...options, embeddings: 'rows' }),
      AlignTextModel.from_pretrained(files, options),
      AlignVisionModel.from_pretrained(files, options),
    ]);
    const all = bits(await model.forward(inputs));
    const own = {
      text_model_output: await text.forward(inputs),
      vision_model_output: await vision.forward(inputs),
    };
    for (const [name, digest] of Object.entries(bits(own))) assert.strictEqual(digest, all[name], name);
    assert.strictEqual(bits({ value: await rows.embed_text(inputs) }).value, all.text_embeds);
    for (const one of [model, rows, text, vision]) one.dispose();
  },
);

property(
  'A limit on memory splits a batch or refuses it, and changes no bit',
  [config, seed, fc.double({ min: 0, max: 1.2, noNaN: true })],
  async (config, seed, share) => {
    const inputs = inputs_of(config, seed);
    const files = await random_files(config);
    const plain = await AlignModel.from_pretrained(files, options);
    const want = bits({ value: await plain.embed_image(inputs) });
    const { weights, total } = plain.memory;
    plain.dispose();
    const max_memory = Math.ceil(weights + (total - weights) * share) + 65536;
    const code = async (task: () => Promise<unknown>): Promise<unknown> =>
      task().then(() => null, (error: unknown) => (error as { code: string }).code); // prettier-ignore
    let limited: AlignModel | undefined;
    const loading = await code(
      async () => (limited = await AlignModel.from_pretrained(files, { ...options, max_memory })),
    );
    if (limited === undefined) {
      assert.strictEqual(loading, 'limit_exceeded');
      return;
    }
    const own = limited;
    const running = await code(async () => { assert.deepEqual(bits({ value: await own.embed_image(inputs) }), want); }); // prettier-ignore
    assert([null, 'limit_exceeded'].includes(running as string | null), String(running));
    own.dispose();
  },
);
