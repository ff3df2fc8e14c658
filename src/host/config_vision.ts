// AlignVisionConfig: the EfficientNet tower of transformers 5 (configuration_align.py), with the two rules that turn its
// stages into channels and blocks.

import type { ModelFolder, ModelSource, OpenOptions } from './checkpoint/model_files.ts';
import { as_dict, BaseConfig, read_from, read_tower_config, type ConfigDict } from './config_base.ts';
import * as f from './config_fields.ts';

/** Channels of the stem before scaling: the one width that the configuration does not hold. */
const STEM_CHANNELS = 32;

const VISION_FIELDS = {
  num_channels: f.integer(3),
  image_size: f.integer_or_list(600, 1),
  width_coefficient: f.real(2.0, 0),
  depth_coefficient: f.real(3.1, 0),
  depth_divisor: f.integer(8),
  // A depthwise kernel is square: 4096 on a side is already MAX_DIMENSION weights a channel.
  kernel_sizes: f.integers([3, 3, 5, 3, 5, 5, 3], 1, 4096),
  in_channels: f.integers([32, 16, 24, 40, 80, 112, 192]),
  out_channels: f.integers([16, 24, 40, 80, 112, 192, 320]),
  depthwise_padding: f.integers([], -f.MAX_DIMENSION),
  // torch has no 'same' padding for other strides than 1, and transformers pads by hand for 2 only.
  strides: f.integers([1, 2, 2, 2, 1, 2, 1], 1, 2),
  num_block_repeats: f.integers([1, 2, 2, 3, 3, 4, 1], 0),
  expand_ratios: f.integers([1, 6, 6, 6, 6, 6, 6]),
  squeeze_expansion_ratio: f.real(0.25, 0),
  hidden_act: f.activation('swish'),
  hidden_dim: f.integer(2560),
  pooling_type: f.one_of('mean', ['mean', 'max']),
  initializer_range: f.real(0.02, 0),
  batch_norm_eps: f.real(0.001, 0),
  batch_norm_momentum: f.real(0.99),
  drop_connect_rate: f.real(0.2, 0, 1),
};

/** The EfficientNet tower. @throws AlignError `unsupported_config`, `unsupported_activation` (the constructor). */
export class AlignVisionConfig extends BaseConfig {
  declare readonly num_channels: number;
  /** Not read by the model: the processor decides. */
  declare readonly image_size: number | readonly number[];
  declare readonly width_coefficient: number;
  declare readonly depth_coefficient: number;
  declare readonly depth_divisor: number;
  declare readonly kernel_sizes: readonly number[];
  declare readonly in_channels: readonly number[];
  declare readonly out_channels: readonly number[];
  /** Indices of blocks, counted through all stages, that are padded alike on all sides. */
  declare readonly depthwise_padding: readonly number[];
  declare readonly strides: readonly number[];
  declare readonly num_block_repeats: readonly number[];
  declare readonly expand_ratios: readonly number[];
  declare readonly squeeze_expansion_ratio: number;
  declare readonly hidden_act: f.Activation;
  /** Side of the final pooling window. */
  declare readonly hidden_dim: number;
  declare readonly pooling_type: 'mean' | 'max';
  declare readonly initializer_range: number;
  declare readonly batch_norm_eps: number;
  declare readonly batch_norm_momentum: number;
  declare readonly drop_connect_rate: number;
  /** Number of blocks, always computed: a file's own value is ignored, as in transformers. */
  readonly num_hidden_layers: number;

  constructor(values: AlignVisionConfig | ConfigDict = {}) {
    super('align_vision_model', VISION_FIELDS, as_dict('vision_config', values));
    this.num_hidden_layers = this.num_block_repeats.reduce((sum, n) => sum + round_repeats(this, n), 0);
    if (!(this.num_hidden_layers <= f.MAX_LAYERS))
      f.refuse('num_block_repeats', this.num_block_repeats, `more than ${f.MAX_LAYERS} blocks in all`);
    check_stages(this);
    Object.freeze(this);
  }

  /** Takes the tower's own config.json or a whole model's. @throws AlignError `not_found`, `corrupt_checkpoint`. */
  static async from_pretrained(model?: ModelSource, options?: OpenOptions): Promise<AlignVisionConfig> {
    return read_from(model, options, (folder) => AlignVisionConfig.from_folder(folder));
  }

  static async from_folder(folder: ModelFolder): Promise<AlignVisionConfig> {
    return new AlignVisionConfig(await read_tower_config(folder, 'vision_config'));
  }
}

/** Channels of a stage after scaling the width: transformers' `round_filters`, in the same doubles. */
export function round_filters(
  config: Pick<AlignVisionConfig, 'width_coefficient' | 'depth_divisor'>,
  num_channels: number,
): number {
  const divisor = config.depth_divisor;
  const scaled = num_channels * config.width_coefficient;
  const rounded = Math.max(divisor, Math.floor(Math.trunc(scaled + divisor / 2) / divisor) * divisor);
  // Rounding down may not take more than a tenth.
  return rounded < 0.9 * scaled ? rounded + divisor : rounded;
}

/** Blocks of a stage after scaling the depth: transformers' `round_repeats`. */
export function round_repeats(config: Pick<AlignVisionConfig, 'depth_coefficient'>, repeats: number): number {
  return Math.ceil(config.depth_coefficient * repeats);
}

/** Channels that the tower ends with. A stage repeated 0 times has no blocks; without any it is the stem's. */
export function vision_width(config: AlignVisionConfig): number {
  const used = config.out_channels.filter((_, i) => round_repeats(config, config.num_block_repeats[i]!) > 0);
  return round_filters(config, used.at(-1) ?? STEM_CHANNELS);
}

/** Each stage must take the channels that the one before gives, and no size may be out of bounds after scaling. */
function check_stages(config: AlignVisionConfig): void {
  const stages = config.in_channels.length;
  for (const key of [
    'out_channels',
    'kernel_sizes',
    'strides',
    'num_block_repeats',
    'expand_ratios',
  ] as const)
    if (config[key].length !== stages)
      f.refuse(key, config[key], `${config[key].length} values, in_channels has ${stages}`);
  if (stages === 0) f.refuse('in_channels', config.in_channels, 'there must be at least one stage');
  let width = round_filters(config, STEM_CHANNELS);
  for (let i = 0; i < stages; i++) {
    const taken = round_filters(config, config.in_channels[i]!);
    const given = round_filters(config, config.out_channels[i]!);
    const scaled = Math.max(width, taken, given);
    if (!(scaled <= f.MAX_DIMENSION))
      f.refuse('width_coefficient', config.width_coefficient, `stage ${i} would have ${scaled} channels`);
    const widest = scaled * config.expand_ratios[i]!;
    if (!(widest <= f.MAX_DIMENSION))
      f.refuse(
        `expand_ratios[${i}]`,
        config.expand_ratios[i],
        `${widest} channels, the limit is ${f.MAX_DIMENSION}`,
      );
    if (!(taken * config.squeeze_expansion_ratio <= f.MAX_DIMENSION))
      f.refuse('squeeze_expansion_ratio', config.squeeze_expansion_ratio, 'too many channels');
    if (round_repeats(config, config.num_block_repeats[i]!) === 0) continue;
    if (taken !== width)
      f.refuse(
        `in_channels[${i}]`,
        config.in_channels[i],
        `${taken} channels after scaling, the ${i === 0 ? 'stem' : 'stage before'} gives ${width}`,
      );
    width = given;
  }
}
