// Small models of random sizes, from a seed, and inputs for them.

import { createHash } from 'node:crypto';
import { AlignConfig, round_filters } from '../../src/host/config.ts';
import { AlignModel } from '../../src/host/models.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import { weight_requests } from '../../src/host/plan/plan.ts';
import { Recorder } from '../../src/host/plan/recorder.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { compile, Instance } from '../../src/host/wasm/module.ts';
import { counter_source, smooth_images } from './counter_weights.ts';
import { flatten } from './outputs.ts';

const ACTIVATIONS = [
  'gelu',
  'gelu_new',
  'hardswish',
  'leaky_relu',
  'mish',
  'quick_gelu',
  'relu',
  'sigmoid',
  'swish',
  'tanh',
];

/** Integers and picks from a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from low to high, both included. */
  integer(low: number, high: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let x = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return low + (((x ^ (x >>> 14)) >>> 0) % (high - low + 1));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)]!;
  }

  list<T>(length: number, make: () => T): T[] {
    return Array.from({ length }, make);
  }
}

export function random_config(random: Random): AlignConfig {
  const heads = random.integer(1, 5);
  const stages = random.integer(1, 4);
  const channels = [32, ...random.list(stages, () => random.integer(4, 60))];
  const vision = {
    num_channels: random.integer(1, 5),
    width_coefficient: random.pick([0.2, 0.35, 0.6, 1]),
    depth_coefficient: random.pick([0.5, 1, 1.3]),
    depth_divisor: random.pick([1, 2, 3, 8]),
    kernel_sizes: random.list(stages, () => random.integer(1, 7)),
    in_channels: channels.slice(0, stages),
    out_channels: channels.slice(1),
    strides: random.list(stages, () => random.integer(1, 2)),
    num_block_repeats: random.list(stages, () => random.integer(1, 2)),
    expand_ratios: random.list(stages, () => random.integer(1, 6)),
    depthwise_padding: random.list(random.integer(0, 3), () => random.integer(0, 7)),
    squeeze_expansion_ratio: random.pick([0.01, 0.25, 0.5]),
    pooling_type: random.pick(['mean', 'max']),
    hidden_act: random.pick(ACTIVATIONS),
  };
  const text = {
    vocab_size: random.integer(5, 90),
    hidden_size: heads * random.pick([1, 2, 3, 5, 8, 12, 17, 20]),
    num_attention_heads: heads,
    num_hidden_layers: random.integer(0, 3),
    intermediate_size: random.integer(1, 70),
    max_position_embeddings: random.integer(6, 40),
    type_vocab_size: random.integer(1, 3),
    hidden_act: random.pick(ACTIVATIONS),
  };
  const projection_dim = round_filters(vision, channels.at(-1)!);
  return new AlignConfig({ text_config: text, vision_config: vision, projection_dim });
}

/** The model with computed weights for every tensor that its plans ask for. */
export async function random_model(config: AlignConfig, options: LoadOptions = {}): Promise<AlignModel> {
  return AlignModel.from_pretrained(await random_files(config), options);
}

/** Its files. */
export async function random_files(config: AlignConfig): Promise<Record<string, object>> {
  const recorder = new Recorder(new Instance(await compile()));
  const place = { shard: 0, offset: 0, prefixed: true };
  const parts = { pooler: true, projection_dim: config.projection_dim };
  const none = { last_hidden_state: false, hidden_states: false };
  const plans = [
    recorder.text(config.text_config, parts, place, {
      sequences: 1,
      length: 1,
      tokens: 1,
      inputs_embeds: false,
      features: false,
      attentions: false,
      ...none,
    }),
    recorder.vision(config.vision_config, place, { batch: 1, height: 64, width: 64, ...none }),
    recorder.align(config.projection_dim, place, 1, 1),
  ];
  const sources = plans.flatMap(weight_requests).flatMap((request) => request.sources);
  return {
    'config.json': config.to_dict(),
    'model.safetensors': counter_source(new Map(sources.map(({ name, shape }) => [name, shape]))),
  };
}

/** Ragged texts, now and then with a hole or without a real token, and pictures. */
export function random_inputs(
  random: Random,
  { text_config, vision_config }: AlignConfig,
): Record<string, Tensor> {
  const rows = random.integer(1, 5);
  const length = random.integer(2, text_config.max_position_embeddings);
  const ids = random.list(rows * length, () => random.integer(0, text_config.vocab_size - 1));
  const mask = random
    .list(rows, () => random.integer(0, length))
    .flatMap((real) => Array.from({ length }, (_, i) => Number(i < real && random.integer(0, 9) > 0)));
  const images = [
    random.integer(1, 4),
    vision_config.num_channels,
    random.integer(33, 70),
    random.integer(33, 70),
  ];
  return {
    input_ids: new Tensor('int64', ids, [rows, length]),
    attention_mask: new Tensor('int64', mask, [rows, length]),
    pixel_values: new Tensor('float32', smooth_images('pixel_values', images), images),
  };
}

/** A digest of the bits of every tensor in `value`. */
export function bits(value: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(flatten(value)).map(([name, { data }]) => [
      name,
      createHash('sha256').update(data).digest('base64'),
    ]),
  );
}
