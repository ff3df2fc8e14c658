// AlignConfig, AlignTextConfig and (config_vision.ts) AlignVisionConfig: names, defaults and meaning as in transformers 5
// (configuration_align.py). Unknown keys are ignored; every known value is checked when a configuration is made.

import type { ModelFolder, ModelSource, OpenOptions } from './checkpoint/model_files.ts';
import {
  as_dict,
  BaseConfig,
  read_config,
  read_from,
  read_tower_config,
  type ConfigDict,
} from './config_base.ts';
import * as f from './config_fields.ts';
import { AlignVisionConfig, vision_width } from './config_vision.ts';

export type { ConfigDict } from './config_base.ts';
export { ACTIVATIONS, type Activation } from './config_fields.ts';
export { AlignVisionConfig, round_filters, round_repeats, vision_width } from './config_vision.ts';

const TEXT_FIELDS = {
  vocab_size: f.integer(30522),
  hidden_size: f.integer(768),
  num_hidden_layers: f.integer(12, 0, f.MAX_LAYERS),
  num_attention_heads: f.integer(12),
  intermediate_size: f.integer(3072),
  hidden_act: f.activation('gelu'),
  hidden_dropout_prob: f.real(0.1, 0, 1),
  attention_probs_dropout_prob: f.real(0.1, 0, 1),
  max_position_embeddings: f.integer(512),
  type_vocab_size: f.integer(2),
  initializer_range: f.real(0.02, 0),
  layer_norm_eps: f.real(1e-12, 0),
  pad_token_id: f.nullable(f.integer(0, -f.MAX_DIMENSION), 0),
  bos_token_id: f.nullable(f.integer(0, -f.MAX_DIMENSION), null),
  eos_token_id: f.nullable(f.integer_or_list(0, -f.MAX_DIMENSION), null),
};

/** The BERT tower. @throws AlignError `unsupported_config`, `unsupported_activation` (the constructor). */
export class AlignTextConfig extends BaseConfig {
  declare readonly vocab_size: number;
  declare readonly hidden_size: number;
  declare readonly num_hidden_layers: number;
  declare readonly num_attention_heads: number;
  declare readonly intermediate_size: number;
  declare readonly hidden_act: f.Activation;
  declare readonly hidden_dropout_prob: number;
  declare readonly attention_probs_dropout_prob: number;
  declare readonly max_position_embeddings: number;
  declare readonly type_vocab_size: number;
  declare readonly initializer_range: number;
  declare readonly layer_norm_eps: number;
  declare readonly pad_token_id: number | null;
  declare readonly bos_token_id: number | null;
  declare readonly eos_token_id: number | readonly number[] | null;

  constructor(values: AlignTextConfig | ConfigDict = {}) {
    const dict = as_dict('text_config', values);
    super('align_text_model', TEXT_FIELDS, dict);
    // Old BERT configurations could ask for relative positions, which this model has no weights for.
    if (Object.hasOwn(dict, 'position_embedding_type') && dict.position_embedding_type !== 'absolute')
      f.refuse('position_embedding_type', dict.position_embedding_type, 'only "absolute" is supported');
    const { hidden_size, num_attention_heads, vocab_size, pad_token_id } = this;
    if (hidden_size % num_attention_heads !== 0)
      f.refuse('hidden_size', hidden_size, `not a multiple of num_attention_heads ${num_attention_heads}`);
    if (pad_token_id !== null && (pad_token_id >= vocab_size || pad_token_id < -vocab_size))
      f.refuse('pad_token_id', pad_token_id, `outside a vocabulary of ${vocab_size}`);
    Object.freeze(this);
  }

  /** Takes the tower's own config.json or a whole model's. @throws AlignError `not_found`, `corrupt_checkpoint`. */
  static async from_pretrained(model?: ModelSource, options?: OpenOptions): Promise<AlignTextConfig> {
    return read_from(model, options, (folder) => AlignTextConfig.from_folder(folder));
  }

  static async from_folder(folder: ModelFolder): Promise<AlignTextConfig> {
    return new AlignTextConfig(await read_tower_config(folder, 'text_config'));
  }
}

const ALIGN_FIELDS = {
  projection_dim: f.integer(640),
  temperature_init_value: f.real(1.0),
  initializer_range: f.real(0.02, 0),
};

/** Both towers. @throws AlignError `unsupported_config`, `unsupported_activation` (the constructor). */
export class AlignConfig extends BaseConfig {
  readonly text_config: AlignTextConfig;
  readonly vision_config: AlignVisionConfig;
  declare readonly projection_dim: number;
  declare readonly temperature_init_value: number;
  declare readonly initializer_range: number;

  constructor(values: AlignConfig | ConfigDict = {}) {
    const dict = as_dict('AlignConfig', values);
    super('align', ALIGN_FIELDS, dict);
    const { text_config: text, vision_config: vision } = dict;
    this.text_config =
      text instanceof AlignTextConfig ? text : new AlignTextConfig(as_dict('text_config', text));
    this.vision_config =
      vision instanceof AlignVisionConfig ? vision : new AlignVisionConfig(as_dict('vision_config', vision));
    // There is no projection of pictures: the tower's features are the embedding.
    const width = vision_width(this.vision_config);
    if (this.projection_dim !== width)
      f.refuse('projection_dim', this.projection_dim, `the vision tower gives ${width} features`);
    Object.freeze(this);
  }

  static from_text_vision_configs(
    text_config: AlignTextConfig | ConfigDict,
    vision_config: AlignVisionConfig | ConfigDict,
    overrides: ConfigDict = {},
  ): AlignConfig {
    return new AlignConfig({ ...overrides, text_config, vision_config });
  }

  /** @throws AlignError `not_found`, `corrupt_checkpoint`, and as the constructor. */
  static async from_pretrained(model?: ModelSource, options?: OpenOptions): Promise<AlignConfig> {
    return read_from(model, options, (folder) => AlignConfig.from_folder(folder));
  }

  static async from_folder(folder: ModelFolder): Promise<AlignConfig> {
    const dict = await read_config(folder);
    const type = dict.model_type ?? 'align';
    if (typeof type !== 'string' || !type.startsWith('align'))
      f.refuse('model_type', type, `${folder.name} is not an ALIGN model`);
    return new AlignConfig(dict);
  }
}
