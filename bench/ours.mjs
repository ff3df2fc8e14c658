// This package in the full align-base shape, with the counter weights that test/golden/counter.py makes too.

import { readFile } from 'node:fs/promises';
import './typescript.mjs';
import { AlignModel, Tensor, describe } from 'align-wasm';

const { counter_source, smooth_images } = await import('../test/support/counter_weights.ts');

const SIDE = 289; // pixels
const TOKENS = 64;

/** The model, about 690 MB; `options` as from_pretrained takes them. */
export async function load_model(options) {
  const config = await readFile(new URL('../test/golden/align-base/config.json', import.meta.url));
  return AlignModel.from_pretrained(
    { 'config.json': config, 'model.safetensors': counter_source() },
    options,
  );
}

/** The model with precision: 'fast', or null where this runtime has no relaxed SIMD. */
export async function load_fast_model() {
  const small = await AlignModel.from_pretrained(undefined, { precision: 'fast' });
  const { precision } = small;
  small.dispose();
  return precision === 'fast' ? load_model({ precision }) : null;
}

const pixels = smooth_images('bench.pixel_values', [1, 3, SIDE, SIDE]);
const ids = Int32Array.from({ length: TOKENS }, (_, i) =>
  i === 0 ? 101 : i === TOKENS - 1 ? 102 : 1000 + 461 * i,
);
const positions = Int32Array.from({ length: TOKENS }, (_, i) => i);
const big = (values) => BigInt64Array.from(values, BigInt);

/**
 * The two towers: `macs`, the multiply-accumulates that transformers and the peer do (ours leave out what the features do
 * not need, see {@link macs_of}); `call(model)` through the public API, giving the features; the inputs as a plan takes them
 * (`inputs`) and as a peer takes them (`feeds`).
 */
export const TOWERS = {
  vision: {
    macs: 8_401_390_016,
    title: `vision, 1 picture of ${SIDE} × ${SIDE}`,
    call: async (model) => {
      const pixel_values = new Tensor('float32', pixels, [1, 3, SIDE, SIDE]);
      return (await model.get_image_features({ pixel_values })).pooler_output.data;
    },
    plan: (model) => model.plan('vision', { height: SIDE, width: SIDE }),
    inputs: { pixel_values: pixels },
    feeds: { pixel_values: pixels },
  },
  text: {
    macs: 5_511_806_976,
    title: `text, 1 of ${TOKENS} tokens`,
    call: async (model) => {
      const input_ids = new Tensor('int64', big(ids), [1, TOKENS]);
      return (await model.get_text_features({ input_ids })).pooler_output.data;
    },
    plan: (model) => model.plan('text', { tokens: TOKENS }),
    inputs: {
      input_ids: ids,
      attention_mask: new Int32Array(TOKENS).fill(1),
      token_type_ids: new Int32Array(TOKENS),
      position_ids: positions,
      starts: Int32Array.of(0, TOKENS),
    },
    feeds: {
      input_ids: big(ids),
      attention_mask: new BigInt64Array(TOKENS).fill(1n),
      token_type_ids: new BigInt64Array(TOKENS),
    },
  },
};

/** Multiply-accumulates of a plan; scaling by gates is left out, as in `macs`. */
export const macs_of = (plan) =>
  describe(plan).reduce((sum, op) => sum + (op.kind === 'Scale' ? 0 : op.macs), 0);
