// Whole tiny models, plain, in shards and packed: where the reader takes the files, each tower runs once.

import { readFileSync } from 'node:fs';
import { AlignModel } from '../../../src/host/models.ts';
import { Tensor } from '../../../src/host/tensor.ts';
import { golden } from '../../support/edited_checkpoint.ts';
import { packed } from '../../support/packed.ts';
import type { Dice } from '../dice.ts';
import type { Case, Fuzzer, Target } from '../harness.ts';
import { change_value, damage, damage_json, NUMBERS, render } from '../mutations.ts';
import { damage_packed, with_text } from './packed.ts';

const WEIGHTS = 'model.safetensors';
const CONFIG = 'config.json';
const utf8 = new TextEncoder();

function file(path: string): Uint8Array {
  return new Uint8Array(readFileSync(golden(path)));
}

type Dict = Record<string, unknown>;

/** Keys that say how numbers come out: with 1e400 for an epsilon zeros are right. */
const VALUES = /eps|hidden_act|temperature|dropout|momentum|drop_connect|initializer/;

/** A configuration with other sizes. */
function other_sizes(text: string, dice: Dice): string {
  const config = JSON.parse(text) as Record<string, Dict>;
  const tower = dice.pick(['text_config', 'vision_config']);
  const keys = Object.keys(config[tower]!).filter((key) => !VALUES.test(key));
  const key = dice.pick(keys);
  const old = config[tower]![key];
  const next = (): unknown =>
    dice.pick([0, 1, 2, 3, 5, 6, 64, 1000, 10_000, 2 ** 20, 2 ** 24, 2 ** 24 + 1, 0.5]);
  config[tower]![key] = Array.isArray(old)
    ? dice.chance(0.5)
      ? [next()]
      : [...(old as unknown[]), next()]
    : next();
  if (dice.chance(0.3)) config.projection_dim = next() as Dict;
  return JSON.stringify(config);
}

function make(dice: Dice, whole: Case, packs: readonly Uint8Array[]): Case {
  const kind = dice.below(8);
  if (kind === 0) return { [WEIGHTS]: damage_packed(dice.pick(packs), dice) };
  const config = new TextDecoder().decode(whole[CONFIG]);
  if (kind <= 3) return { ...whole, [CONFIG]: utf8.encode(other_sizes(config, dice)) };
  if (kind === 4) return { ...whole, [CONFIG]: utf8.encode(damage_json(config, dice)) };
  const weights = whole[WEIGHTS]!;
  if (kind === 5) return { ...whole, [WEIGHTS]: damage(weights, dice) };
  if (kind === 6)
    return {
      ...whole,
      [WEIGHTS]: with_text(weights, (text) =>
        text.replace(/\d+/g, (n) => (dice.chance(0.02) ? dice.pick(NUMBERS) : n)),
      ),
    };
  return { ...whole, [WEIGHTS]: with_text(weights, (text) => render(change_value(JSON.parse(text), dice))) };
}

/** Whether the weights and what numbers come out of are those of the undamaged model. */
function is_same_model(files: Case, whole: Case): boolean {
  const tail = (bytes: Uint8Array): Buffer => Buffer.from(bytes.subarray(-4096));
  return Object.hasOwn(files, CONFIG) && tail(files[WEIGHTS]!).equals(tail(whole[WEIGHTS]!));
}

async function read(files: Case, whole: Case): Promise<void> {
  const packed_alone = !Object.hasOwn(files, CONFIG);
  const model = await AlignModel.from_pretrained(packed_alone ? files[WEIGHTS]! : files, { device: 'wasm' });
  try {
    const { num_channels } = model.config.vision_config;
    const pixels = Float32Array.from({ length: num_channels * 16 * 16 }, (_, i) =>
      Math.fround(((i * 7) % 13) / 13),
    );
    const outputs = [
      await model.embed_text({ input_ids: new Tensor('int64', [1, 0, 1], [1, 3]) }),
      await model.embed_image({ pixel_values: new Tensor('float32', pixels, [1, num_channels, 16, 16]) }),
    ];
    for (const { data } of outputs) {
      if (data.length !== model.config.projection_dim) throw new Error(`${data.length} numbers`);
      if (!is_same_model(files, whole)) continue;
      if (!data.every(Number.isFinite) || data.every((x) => x === 0))
        throw new Error(`it gives ${Array.from(data).join()}`);
    }
  } finally {
    model.dispose();
  }
}

export const models: Target = {
  name: 'models',
  files: 10_000,
  codes: [
    ...([
      'corrupt_checkpoint',
      'unsupported_config',
      'unsupported_activation',
      'missing_tensor',
      'shape_mismatch',
    ] as const),
    ...(['not_found', 'out_of_vocabulary', 'too_many_tokens', 'limit_exceeded', 'invalid_argument'] as const),
  ],
  // Instances of align.wasm: one that records, one that runs.
  constant: 2 ** 21,
  async start() {
    const whole: Case = { [CONFIG]: file('tiny/config.json'), [WEIGHTS]: file('tiny/model.safetensors') };
    const packs = [
      await packed(golden('tiny'), { dtype: 'q8' }),
      await packed(golden('tiny'), { dtype: 'q4' }),
    ];
    const fuzzer: Fuzzer = { make: (dice) => make(dice, whole, packs), read: (files) => read(files, whole) };
    return fuzzer;
  },
};
