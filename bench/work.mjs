// What is computed: the inputs of every piece of work, the same for us and for the peers, in Node and in a browser.

import { make_random } from './measure.mjs';

const SIDE = 289; // pixels
const SMALL_SIDE = 65;
const LENGTH = 64; // tokens, what the processor pads to
const VOCABULARY = 30522;
const [CLS, SEP] = [101, 102];

/** Texts of these lengths in tokens, [CLS] and [SEP] among them, padded to `length`: int64 as processors give them. */
function texts(lengths, length = LENGTH) {
  const random = make_random(5);
  const fill = () => new BigInt64Array(lengths.length * length);
  const inputs = { input_ids: fill(), attention_mask: fill(), token_type_ids: fill() };
  for (const [i, tokens] of lengths.entries()) {
    for (let t = 0; t < tokens; t++) {
      const id = t === 0 ? CLS : t === tokens - 1 ? SEP : 1000 + (random() % (VOCABULARY - 1000));
      inputs.input_ids[i * length + t] = BigInt(id);
      inputs.attention_mask[i * length + t] = 1n;
    }
  }
  return { inputs, dims: [lengths.length, length] };
}

/** A picture of soft waves, [1, 3, side, side] in [-1, 1]. */
function picture(side) {
  const pixels = new Float32Array(3 * side * side);
  for (let at = 0, c = 0; c < 3; c++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++, at++)
        pixels[at] = (Math.sin(x / (17 + c)) + Math.sin(y / (23 - c)) + Math.sin((x + y) / 61)) / 3;
  return { inputs: { pixel_values: pixels }, dims: [1, 3, side, side] };
}

/** Seeded and uniform over 4 … 14. */
function label_lengths() {
  const random = make_random(7);
  return Array.from({ length: 64 }, () => 4 + ((random() >>> 8) % 11));
}

/**
 * By name: `title`; `tower`; `flop` that transformers does (a multiply and an add are two); `make()`, the inputs, which
 * both sides get; `trimmed()`, the same without the padding; `model`, the peer's, see make_models.py.
 */
export const WORK = {
  vision: {
    title: `vision, 1 picture of ${SIDE} × ${SIDE}`,
    tower: 'vision',
    model: 'vision',
    flop: 2 * 8_401_390_016,
    make: () => picture(SIDE),
  },
  vision_65: {
    title: `vision, 1 picture of ${SMALL_SIDE} × ${SMALL_SIDE}`,
    tower: 'vision',
    model: `vision_${SMALL_SIDE}`,
    flop: 2 * 426_195_712,
    make: () => picture(SMALL_SIDE),
  },
  text: {
    title: `text, 1 of ${LENGTH} tokens`,
    tower: 'text',
    model: 'text',
    flop: 2 * 5_511_806_976,
    make: () => texts([LENGTH]),
  },
  label: {
    title: `1 label of 9 tokens, padded to ${LENGTH}`,
    tower: 'text',
    model: 'text',
    make: () => texts([9]),
    trimmed: () => texts([9], 9),
  },
  labels: {
    title: `64 labels of 4 to 14 tokens, padded to ${LENGTH}`,
    tower: 'text',
    model: 'text_64',
    make: () => texts(label_lengths()),
  },
};
