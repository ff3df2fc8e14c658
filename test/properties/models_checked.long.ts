// Models of any configuration on the checked build: they stay inside their tensors, and answer the same however they are run.

import { assert } from 'vitest';
import { AlignModel } from '../../src/host/models.ts';
import { checked, install_checked_build } from '../checked/checked.ts';
import { bits, random_files } from '../support/random_models.ts';
import { pick, seed, whole } from './draws.ts';
import { config, inputs_of, TAPS } from './model_draws.ts';
import { property } from './property.ts';

install_checked_build();

const options = { device: 'wasm', threads: 1 } as const;

property(
  'A model stays inside its tensors, and answers the same in one run, in several, and with features alone',
  [config, seed, whole(1, 4), pick(0, 0.001)],
  async (config, seed, batch_size, yield_ms) => {
    const inputs = inputs_of(config, seed);
    const model = await AlignModel.from_pretrained(await random_files(config), options);
    const before = { ...checked };
    const once = bits(await model.forward({ ...inputs, ...TAPS }));
    assert.deepEqual(bits(await model.forward({ ...inputs, ...TAPS }, { batch_size, yield_ms })), once);
    const [text, image] = [await model.embed_text(inputs), await model.embed_image(inputs, { batch_size })];
    assert.deepEqual(bits({ text, image }), { text: once['text_embeds']!, image: once['image_embeds']! });
    model.dispose();
    assert.strictEqual(checked.planned - before.planned, checked.ops - before.ops);
    assert(checked.planned > before.planned, 'nothing was checked');
  },
);
