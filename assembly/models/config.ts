// What the host says of a model and of the call at hand, as the recorders read it. Fields have the names of transformers'
// AlignVisionConfig and AlignTextConfig; lists are addresses of 32-bit integers.

import { Activation, Pooling } from '../plan/op';

/** Where the weights of a tower begin, how large a shard may be, the tower's name in the checkpoint, and who runs the plan. */
@unmanaged
export class Placement {
  shard_limit: f64;
  shard: u32;
  offset: u32;
  /** 1: tensor names begin with text_model. or vision_model., as in a full checkpoint. */
  prefixed: u32;
  /** Into how many parts the plan's ops may be split. */
  parts: u32;
  /** Address and length of a list of bytes: the Format of each weight request in turn, F32 where it ends. */
  formats: u32;
  formats_count: u32;
}

@unmanaged
export class VisionConfig extends Placement {
  width_coefficient: f64;
  depth_coefficient: f64;
  squeeze_expansion_ratio: f64;
  batch_norm_eps: f64;
  num_channels: u32;
  depth_divisor: u32;
  hidden_dim: u32;
  hidden_act: Activation;
  pooling_type: Pooling;
  stages: u32;
  kernel_sizes: u32;
  in_channels: u32;
  out_channels: u32;
  strides: u32;
  num_block_repeats: u32;
  expand_ratios: u32;
  depthwise_padding: u32;
  depthwise_paddings: u32;
  /** 1: large expansions are fused with the depthwise convolutions that read them. */
  fuse: u32;
  // the call
  batch: u32;
  height: u32;
  width: u32;
  last_hidden_state: u32;
  hidden_states: u32;
}

@unmanaged
export class TextConfig extends Placement {
  layer_norm_eps: f64;
  vocab_size: u32;
  hidden_size: u32;
  num_hidden_layers: u32;
  num_attention_heads: u32;
  intermediate_size: u32;
  hidden_act: Activation;
  max_position_embeddings: u32;
  type_vocab_size: u32;
  /** 1 where the checkpoint has pooler weights. */
  pooler: u32;
  /** Width of text_projection, 0 for a tower without one. */
  projection_dim: u32;
  // the call
  sequences: u32;
  /** The longest sequence, padding included. */
  length: u32;
  /** Rows of all sequences together, rounded up. */
  tokens: u32;
  /** 1: the host writes inputs_embeds instead of input_ids; 2: always, so that there is no word table. */
  inputs_embeds: u32;
  /** 1: text_projection of the [CLS] rows. */
  features: u32;
  /** 1: last_hidden_state and pooler_output. */
  last_hidden_state: u32;
  hidden_states: u32;
  attentions: u32;
}

/** The head: unit vectors and logits from both towers' features. */
@unmanaged
export class AlignConfig extends Placement {
  projection_dim: u32;
  // the call
  texts: u32;
  images: u32;
  /** 1: the inputs are unit vectors already, only their logits are wanted. */
  unit: u32;
}

/** Number of filters after width scaling: round_filters in modeling_align.py, in doubles as Python has them. */
export function round_filters(config: VisionConfig, channels: u32): u32 {
  const divisor = <f64>config.depth_divisor;
  const scaled = <f64>channels * config.width_coefficient;
  let rounded = Math.max(divisor, Math.floor(Math.floor(scaled + divisor / 2) / divisor) * divisor);
  if (rounded < 0.9 * scaled) rounded += divisor;
  return <u32>rounded;
}

/** Block repeats after depth scaling. */
export function round_repeats(config: VisionConfig, repeats: u32): u32 {
  return <u32>Math.ceil(config.depth_coefficient * <f64>repeats);
}

/** Element i of a list. */
export function item(list: u32, i: u32): u32 {
  return load<u32>(<usize>list + (<usize>i << 2));
}
