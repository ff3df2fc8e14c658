// One forward pass of each tower and of the head on the GPU beside the same on WASM: a GPU whose driver or compiler is
// wrong must not answer anybody.

import { AlignError } from '../errors.ts';
import type { Outputs } from '../executor.ts';
import type { TextBatch, VisionBatch } from '../inputs.ts';
import { smallest_side, type Towers } from '../placement.ts';
import type { Tensor } from '../tensor.ts';

/** Largest difference from WASM, as a share of a tensor's largest value. Rounding alone stays two orders below. */
const TOLERANCE = 5e-4;

/** With 8-bit activations, one that lies between two steps may be rounded to the other. */
const TOLERANCE_Q8 = 2e-2;

const TAPS = { features: true, last_hidden_state: true, hidden_states: true, attentions: true };

/**
 * Compares every tensor that can be seen, each tower's in order.
 * @throws AlignError `gpu_mismatch`, naming the first that is off; and what a run throws
 */
export async function compare_towers(
  gpu: Towers,
  wasm: Towers,
  dtype: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = { signal };
  const tolerance = dtype === 'q8' ? TOLERANCE_Q8 : TOLERANCE;
  const check = (tower: string, found: Outputs, expected: Outputs): Outputs => {
    for (const [name, tensor] of expected) compare(`${tower}.${name}`, found.get(name)!, tensor, tolerance);
    return found;
  };
  let features: Tensor<'float32'> | null = null;
  let pooled: Tensor<'float32'> | null = null;
  if (gpu.text && wasm.text) {
    const text = sample_text(gpu.text.config);
    const wanted = { ...TAPS, features: gpu.head !== null };
    const expected = await wasm.text.run(text, wanted, options);
    features = check('text', await gpu.text.run(text, wanted, options), expected).get('features') ?? null;
  }
  if (gpu.vision && wasm.vision) {
    const picture = sample_picture(gpu.vision.config);
    const expected = await wasm.vision.run(picture, TAPS, options);
    pooled = check('vision', await gpu.vision.run(picture, TAPS, options), expected).get('pooler_output')!;
  }
  if (gpu.head && wasm.head && (features ?? pooled)) {
    const expected = await wasm.head.run(features, pooled, options);
    check('head', await gpu.head.run(features, pooled, options), expected);
  }
}

function compare(
  tensor: string,
  { data: found }: Tensor<'float32'>,
  { data: expected }: Tensor<'float32'>,
  tolerance: number,
): void {
  let largest = 0;
  for (const value of expected) largest = Math.max(largest, Math.abs(value));
  let worst = 0;
  let at = 0;
  for (let i = 0; i < expected.length; i++) {
    // Both may be the same that is no number, or infinite.
    const equal = Object.is(found[i], expected[i]);
    const error = equal ? 0 : Math.abs(found[i]! - expected[i]!);
    if (error <= worst) continue;
    [worst, at] = [error, i];
    if (Number.isNaN(error)) break;
  }
  const error = worst === 0 ? 0 : worst / largest;
  if (error <= tolerance) return;
  throw new AlignError(
    'gpu_mismatch',
    `The GPU computes ${tensor} wrong: ${found[at]} at ${at}, ${expected[at]} on WASM, an error of ${error.toPrecision(3)} of its largest value`,
    {
      detail: { tensor, index: at, gpu: found[at], wasm: expected[at], error, tolerance },
      hint: "use device 'wasm', and report this with the name of the GPU",
    },
  );
}

/** Two texts, the second shorter, of ids from all over the vocabulary. */
function sample_text(config: { vocab_size: number; max_position_embeddings: number }): TextBatch {
  const length = Math.min(9, config.max_position_embeddings);
  const short = Math.ceil(length / 2);
  const each = (value: (i: number, j: number) => number): Int32Array =>
    Int32Array.from({ length: 2 * length }, (_, i) => value(i < length ? 0 : 1, i % length));
  return {
    batch: 2,
    length,
    ids: each((i, j) => (7919 * (1 + i * length + j)) % config.vocab_size),
    embeds: null,
    types: new Int32Array(2 * length),
    positions: each((_, j) => j),
    mask: each((i, j) => Number(i === 0 || j < short)),
  };
}

/** A small picture of values from −1 to 1 without a pattern. */
function sample_picture(config: Parameters<typeof smallest_side>[0]): VisionBatch {
  const side = smallest_side(config);
  const pixels = Float32Array.from(
    { length: config.num_channels * side * side },
    (_, i) => (Math.imul(i + 1, 0x9e3779b1) >> 16) / 32768,
  );
  return { batch: 1, height: side, width: side, pixels };
}
