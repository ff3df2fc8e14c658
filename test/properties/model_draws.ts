// Models of any configuration, and inputs that they are large enough for.

import type { Arbitrary } from 'fast-check';
import { AlignConfig } from '../../src/host/config.ts';
import { Tensor } from '../../src/host/tensor.ts';
import { Random, random_inputs } from '../support/random_models.ts';
import { align_dict } from './config_draws.ts';

export const config: Arbitrary<AlignConfig> = align_dict.map(({ text_config, ...dict }) => {
  const text = text_config as { max_position_embeddings: number };
  const max_position_embeddings = text.max_position_embeddings + 1; // for two tokens at least
  return new AlignConfig({ ...dict, text_config: { ...text, max_position_embeddings } });
});

/** Ragged texts with holes, and one or two pictures that are hardly larger than the strides ask for. */
export function inputs_of(config: AlignConfig, seed: number): Record<string, Tensor> {
  const random = new Random(seed);
  const { strides, num_channels } = config.vision_config;
  const least = 2 ** (strides.filter((stride) => stride === 2).length + 1) + 1;
  const dims = [
    random.integer(1, 2),
    num_channels,
    least + random.integer(0, 8),
    least + random.integer(0, 8),
  ];
  const size = dims.reduce((a, b) => a * b, 1);
  const pixels = Float32Array.from({ length: size }, () => random.integer(-100, 100) / 64);
  return { ...random_inputs(random, config), pixel_values: new Tensor('float32', pixels, dims) };
}

export const TAPS = { output_hidden_states: true, output_attentions: true };
