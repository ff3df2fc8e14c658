// What the models return: transformers' output classes by name, fields absent there as None are null here.

import type { Tensor } from './tensor.ts';

type Float = Tensor<'float32'>;

/** A tower's output: BaseModelOutputWithPooling (text) and BaseModelOutputWithPoolingAndNoAttention (vision). */
export class ModelOutput {
  /** Text: [batch, length, hidden_size]. Vision: [batch, channels, height, width]. */
  readonly last_hidden_state: Float | null;
  /** [batch, width]: of `get_*_features` the features. Null where the checkpoint has no pooler. */
  readonly pooler_output: Float | null;
  /** With `output_hidden_states`: the embeddings' output, then each layer's or block's. */
  readonly hidden_states: readonly Float[] | null;
  /** With `output_attentions`: each text layer's probabilities [batch, heads, length, length]. */
  readonly attentions: readonly Float[] | null;

  constructor(fields: {
    last_hidden_state?: Float | null | undefined;
    pooler_output?: Float | null | undefined;
    hidden_states?: readonly Float[] | null | undefined;
    attentions?: readonly Float[] | null | undefined;
  }) {
    this.last_hidden_state = fields.last_hidden_state ?? null;
    this.pooler_output = fields.pooler_output ?? null;
    this.hidden_states = fields.hidden_states ?? null;
    this.attentions = fields.attentions ?? null;
  }

  /** The fields that are there, in transformers' order. */
  to_tuple(): unknown[] {
    return present([this.last_hidden_state, this.pooler_output, this.hidden_states, this.attentions]);
  }
}

/** AlignModel's output: AlignOutput in transformers. */
export class AlignOutput {
  /** With `return_loss`: the scalar of {@link align_loss}. */
  readonly loss: Float | null;
  /** [images, texts] */
  readonly logits_per_image: Float;
  /** [texts, images] */
  readonly logits_per_text: Float;
  /** [texts, projection_dim], unit length. */
  readonly text_embeds: Float;
  /** [images, projection_dim], unit length. */
  readonly image_embeds: Float;
  readonly text_model_output: ModelOutput;
  readonly vision_model_output: ModelOutput;

  constructor(fields: Pick<AlignOutput, Exclude<keyof AlignOutput, 'to_tuple'>>) {
    this.loss = fields.loss;
    this.logits_per_image = fields.logits_per_image;
    this.logits_per_text = fields.logits_per_text;
    this.text_embeds = fields.text_embeds;
    this.image_embeds = fields.image_embeds;
    this.text_model_output = fields.text_model_output;
    this.vision_model_output = fields.vision_model_output;
  }

  /** The fields that are there, in transformers' order, the towers' outputs as tuples. */
  to_tuple(): unknown[] {
    return present([
      this.loss,
      this.logits_per_image,
      this.logits_per_text,
      this.text_embeds,
      this.image_embeds,
      this.text_model_output.to_tuple(),
      this.vision_model_output.to_tuple(),
    ]);
  }
}

function present(fields: readonly unknown[]): unknown[] {
  return fields.filter((field) => field !== null);
}
