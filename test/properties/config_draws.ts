// Configurations that are valid, as dictionaries.

import fc, { type Arbitrary } from 'fast-check';
import { ACTIVATIONS, vision_width, AlignVisionConfig, type ConfigDict } from '../../src/host/config.ts';
import { pick, whole } from './draws.ts';

export const text_dict: Arbitrary<ConfigDict> = fc
  .record({
    ...{ heads: whole(1, 5), head: whole(1, 9), vocab_size: whole(1, 40), num_hidden_layers: whole(0, 2) },
    ...{
      intermediate_size: whole(1, 40),
      max_position_embeddings: whole(1, 40),
      type_vocab_size: whole(1, 3),
    },
    ...{ hidden_act: pick(...ACTIVATIONS), layer_norm_eps: pick(1e-12, 1e-5, 0.5, 1) },
  })
  .map(({ heads, head, ...rest }) => ({ ...rest, hidden_size: heads * head, num_attention_heads: heads }));

export const vision_dict: Arbitrary<ConfigDict> = fc
  .record({
    stages: fc.array(
      fc.record({
        width: whole(4, 40),
        kernel: whole(1, 7),
        stride: whole(1, 2),
        repeats: whole(0, 2),
        expand: whole(1, 3),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    ...{ num_channels: whole(1, 5), depth_divisor: pick(1, 2, 3, 8), depth_coefficient: pick(0.5, 1, 1.3) },
    ...{ width_coefficient: pick(0.2, 0.35, 0.6, 1), squeeze_expansion_ratio: pick(0.01, 0.25, 0.5) },
    ...{ depthwise_padding: fc.array(whole(0, 7), { maxLength: 3 }), pooling_type: pick('mean', 'max') },
    ...{
      hidden_act: pick(...ACTIVATIONS),
      image_size: fc.oneof(whole(1, 600), fc.tuple(whole(1, 600), whole(1, 600))),
    },
  })
  .map(({ stages, ...rest }) => {
    // A stage without blocks is passed over: what goes into the next is what the last with blocks gave.
    let width = 32;
    const in_channels: number[] = [];
    for (const stage of stages) {
      in_channels.push(width);
      if (Math.ceil(rest.depth_coefficient * stage.repeats) > 0) width = stage.width;
    }
    return {
      ...rest,
      in_channels,
      out_channels: stages.map((stage) => stage.width),
      kernel_sizes: stages.map(({ kernel }) => kernel),
      strides: stages.map(({ stride }) => stride),
      num_block_repeats: stages.map(({ repeats }) => repeats),
      expand_ratios: stages.map(({ expand }) => expand),
    };
  });

/** The whole: towers whose widths fit the projection. */
export const align_dict: Arbitrary<ConfigDict> = fc
  .record({ text_config: text_dict, vision_config: vision_dict, temperature_init_value: pick(0.07, 1, 2) })
  .map((dict) => ({ ...dict, projection_dim: vision_width(new AlignVisionConfig(dict.vision_config)) }));
