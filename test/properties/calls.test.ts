// Calls of one model: aborted whenever, queued in any order, after its end. What an answer is depends on none of it.

import fc from 'fast-check';
import { assert } from 'vitest';
import { AlignConfig, round_filters } from '../../src/host/config.ts';
import { AlignError } from '../../src/host/errors.ts';
import type { AlignModel } from '../../src/host/models.ts';
import type { CallOptions } from '../../src/host/options.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { Random } from '../kernels/support/random.ts';
import { bits, random_model } from '../support/random_models.ts';
import { pick, whole } from './draws.ts';
import { property } from './property.ts';

const VISION = { in_channels: [32], out_channels: [9], kernel_sizes: [3], strides: [1], expand_ratios: [2], num_block_repeats: [1], width_coefficient: 0.5, depth_coefficient: 1, depth_divisor: 1 }; // prettier-ignore
const config = new AlignConfig({
  text_config: { vocab_size: 30, hidden_size: 12, num_attention_heads: 3, num_hidden_layers: 2, intermediate_size: 21, max_position_embeddings: 24 },
  vision_config: VISION,
  projection_dim: round_filters(VISION, 9),
}); // prettier-ignore
const load = (): Promise<AlignModel> => random_model(config, { device: 'wasm', threads: 1 });
const model = await load();

const random = new Random(3);
const texts = { input_ids: new Tensor('int32', random.integers(24, 30), [3, 8]) };
const pictures = { pixel_values: new Tensor('float32', random.floats(2 * 3 * 81), [2, 3, 9, 9]) };

/** Calls by name, on inputs that are always the same. */
const CALLS: Readonly<Record<string, (of: AlignModel, o?: CallOptions) => Promise<object>>> = {
  forward: (of, o) => of.forward({ ...texts, ...pictures, output_hidden_states: true }, o),
  get_text_features: (of, o) => of.get_text_features(texts, o),
  get_image_features: (of, o) => of.get_image_features(pictures, o),
  embed_text: async (of, o) => ({ value: await of.embed_text(texts, o) }),
  embed_image: async (of, o) => ({ value: await of.embed_image(pictures, o) }),
};
const call = pick(...Object.keys(CALLS));
const answers = new Map<string, string>();
for (const [name, run] of Object.entries(CALLS)) answers.set(name, JSON.stringify(bits(await run(model))));

/** The answer that it should be, or the code of an AlignError. */
async function outcome(name: string, of: AlignModel, options?: CallOptions): Promise<string> {
  try {
    const got = JSON.stringify(bits(await CALLS[name]!(of, options)));
    assert.strictEqual(got, answers.get(name), `another answer of ${name}`);
    return 'answer';
  } catch (error) {
    if (error instanceof AlignError) return error.code;
    throw error;
  }
}

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

property(
  'An abort at any time ends its call as aborted or with the right answer, and no other call',
  [call, call, whole(0, 40), whole(0, 12), pick(0, 0.001, 16)],
  async (name, next, turns, ticks, yield_ms) => {
    const controller = new AbortController();
    const stopped = outcome(name, model, { signal: controller.signal, yield_ms });
    const behind = outcome(next, model);
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    for (let i = 0; i < turns / 4; i++) await turn();
    controller.abort(new Error('enough'));
    assert(['answer', 'aborted'].includes(await stopped));
    assert.strictEqual(await behind, 'answer');
  },
);

property(
  'Calls that wait for each other give what they give alone, whatever their options',
  [fc.array(fc.record({ name: call, batch_size: whole(1, 4), yield_ms: pick(0, 0.001, 16), aborted: fc.boolean() }), { minLength: 1, maxLength: 6 })],
  async (calls) => {
    const all = calls.map(({ name, aborted, ...options }) =>
      outcome(name, model, { ...options, ...(aborted && { signal: AbortSignal.abort() }) }),
    );
    assert.deepEqual(await Promise.all(all), calls.map(({ aborted }) => (aborted ? 'aborted' : 'answer'))); // prettier-ignore
  },
); // prettier-ignore

property(
  'A model that is disposed at any time answers or says so, and afterwards only says so',
  [fc.array(call, { maxLength: 3 }), call, whole(0, 12), whole(0, 5)],
  async (names, last, ticks, turns) => {
    const own = await load();
    const calls = names.map((name) => outcome(name, own, { yield_ms: 0.001 }));
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    for (let i = 0; i < turns; i++) await turn();
    own.dispose();
    own.dispose();
    for (const how of await Promise.all(calls)) assert(['answer', 'disposed'].includes(how), how);
    assert.strictEqual(await outcome(last, own), 'disposed');
    assert.deepEqual(own.memory, { weights: 0, arena: 0, total: 0 });
    assert.throws(() => own.plan('text'), AlignError, 'disposed');
    // No other model is.
    assert.strictEqual(await outcome(last, model), 'answer');
  },
);
