// AlignModel: both towers and the head, step for step modeling_align.py in transformers.

import { open_model, type ModelFolder, type ModelSource } from './checkpoint/model_files.ts';
import { AlignConfig } from './config.ts';
import { MAX_DIMENSION } from './config_fields.ts';
import { AlignError, show, within_memory } from './errors.ts';
import {
  check_floats,
  read_taps,
  read_text_inputs,
  read_vision_inputs,
  type TapInputs,
  type TextInputs,
  type VisionInputs,
} from './inputs.ts';
import { run_joint } from './joint.ts';
import { load_runtime } from './load_runtime.ts';
import { align_loss } from './loss.ts';
import { Model, no_picture, no_text } from './model.ts';
import {
  check_load_options,
  check_options,
  positive_integer,
  type CallOptions,
  type LoadOptions,
  type Rule,
  type Rules,
} from './options.ts';
import { AlignOutput, ModelOutput } from './outputs.ts';
import { image_size, usual_plans, usual_tokens } from './placement.ts';
import type { Plan } from './plan/plan.ts';
import { loaded, type Runtime } from './runtime.ts';
import { Tensor } from './tensor.ts';
import { run_vision } from './tower_models.ts';
import { text_output, vision_output } from './tower_outputs.ts';

export { AlignTextModel, AlignVisionModel } from './tower_models.ts';

type Float = Tensor<'float32'>;

/** Sizes of a call. */
interface Shape {
  batch?: number | undefined;
  height?: number | undefined;
  width?: number | undefined;
  tokens?: number | undefined;
}

const SIZE: Rule = {
  expects: 'an integer from 1 to 2^24',
  accepts: (value) => positive_integer.accepts(value) && (value as number) <= MAX_DIMENSION,
};
const SHAPE_RULES: Rules<Omit<Shape, 'batch'>> = { height: SIZE, width: SIZE, tokens: SIZE };

/** Both towers and the head: AlignModel in transformers. */
export class AlignModel extends Model {
  readonly config: AlignConfig;

  private constructor(folder: ModelFolder, runtime: Runtime, config: AlignConfig) {
    super(folder, runtime);
    this.config = config;
  }

  /**
   * Loads a model as transformers saves it; without an argument the embedded one.
   * @throws AlignError `not_found`, `corrupt_checkpoint`, `missing_tensor`, `shape_mismatch`, `unsupported_config`,
   *   `unsupported_activation`, `limit_exceeded`, `out_of_memory`, `aborted`, `invalid_argument`
   */
  static async from_pretrained(model?: ModelSource, options: LoadOptions = {}): Promise<AlignModel> {
    check_load_options('AlignModel.from_pretrained', options);
    return within_memory(async () => {
      const folder = await open_model(model, options);
      const config = await AlignConfig.from_folder(folder);
      const runtime = await load_runtime(
        folder,
        {
          text: options.towers === 'vision' ? undefined : config.text_config,
          vision: options.towers === 'text' ? undefined : config.vision_config,
          projection_dim: config.projection_dim,
        },
        options,
      );
      return new AlignModel(folder, runtime, config);
    });
  }

  /**
   * The whole model: AlignModel.forward. All of every tower's output is computed; for features alone use
   * {@link get_text_features} and {@link get_image_features}.
   * @param inputs `input_ids` [texts, length] and `pixel_values` [images, channels, height, width]
   * @throws AlignError `invalid_argument`, `out_of_vocabulary`, `too_many_tokens`, `limit_exceeded`, `aborted`, `disposed`
   */
  forward(
    inputs: TextInputs & VisionInputs & TapInputs & { return_loss?: boolean | null | undefined },
    options: CallOptions = {},
  ): Promise<AlignOutput> {
    return this.call('AlignModel.forward', options, async (runtime, options) => {
      const images = read_vision_inputs(inputs, this.config.vision_config);
      const texts = read_text_inputs(inputs, this.config.text_config);
      if (inputs.return_loss && images.batch !== texts.batch) {
        throw new AlignError(
          'invalid_argument',
          `return_loss needs as many texts as images, there are ${texts.batch} and ${images.batch}`,
          {
            detail: { texts: texts.batch, images: images.batch },
            hint: 'give pairs, or leave return_loss out',
          },
        );
      }
      const wanted = { last_hidden_state: true, ...read_taps(inputs) };
      const { text, vision, head } = await run_joint(
        runtime,
        { text: texts, vision: images, wanted },
        options,
      );
      const logits_per_text = head.get('logits_per_text')!;
      return new AlignOutput({
        loss: inputs.return_loss ? new Tensor('float32', [align_loss(logits_per_text)], []) : null,
        logits_per_image: transpose(logits_per_text),
        logits_per_text,
        text_embeds: head.get('text_embeds')!,
        image_embeds: head.get('image_embeds')!,
        text_model_output: text_output(this.config.text_config, texts, text!),
        vision_model_output: vision_output(vision!),
      });
    });
  }

  /**
   * AlignModel.get_text_features: `pooler_output` is text_projection of the [CLS] rows [texts, projection_dim], not
   * normalised. Trailing padding is not computed. `last_hidden_state`, `hidden_states` and `attentions` are there when
   * `output_hidden_states` or `output_attentions` asks for them.
   */
  get_text_features(inputs: TextInputs & TapInputs, options: CallOptions = {}): Promise<ModelOutput> {
    return this.call('AlignModel.get_text_features', options, async ({ text }, options) => {
      const batch = read_text_inputs(inputs, this.config.text_config);
      const taps = read_taps(inputs);
      const wanted = { features: true, last_hidden_state: taps.hidden_states || taps.attentions, ...taps };
      const raw = await loaded(text, 'text').run(batch, wanted, options);
      return text_output(this.config.text_config, batch, raw, 'features');
    });
  }

  /** AlignModel.get_image_features: the vision tower's output, `pooler_output` [images, projection_dim] not normalised. */
  get_image_features(inputs: VisionInputs & TapInputs, options: CallOptions = {}): Promise<ModelOutput> {
    return this.call('AlignModel.get_image_features', options, ({ vision }, options) =>
      run_vision(this.config.vision_config, vision, inputs, options),
    );
  }

  /** Unit-length text embeddings [texts, projection_dim]: `text_embeds` of {@link forward}, without the pictures. */
  embed_text(inputs: TextInputs, options: CallOptions = {}): Promise<Float> {
    return this.call('AlignModel.embed_text', options, async (runtime, options) => {
      const text = read_text_inputs(inputs, this.config.text_config);
      return (await run_joint(runtime, { text }, options)).head.get('text_embeds')!;
    });
  }

  /** Unit-length image embeddings [images, projection_dim]: `image_embeds` of {@link forward}, without the texts. */
  embed_image(inputs: VisionInputs, options: CallOptions = {}): Promise<Float> {
    return this.call('AlignModel.embed_image', options, async (runtime, options) => {
      const vision = read_vision_inputs(inputs, this.config.vision_config);
      return (await run_joint(runtime, { vision }, options)).head.get('image_embeds')!;
    });
  }

  /** logits_per_text [texts, images] of embeddings, which have unit length: the same bits as {@link forward}'s. */
  similarity(text: Float, image: Float, options: CallOptions = {}): Promise<Float> {
    return this.call('AlignModel.similarity', options, async ({ head }, options) => {
      const { projection_dim } = this.config;
      check_floats('text', text, projection_dim);
      check_floats('image', image, projection_dim);
      return (await head!.run(text, image, options, true)).get('logits_per_text')!;
    });
  }

  /**
   * The plan of one call, to be printed or timed. Sizes default to one picture of image_size and one text of 64 tokens.
   * @throws AlignError `invalid_argument`, `disposed`
   */
  plan(tower: 'text' | 'vision' | 'align', shape: Shape = {}): Plan {
    check_options('plan', shape, { batch: SIZE, ...SHAPE_RULES });
    if (!['text', 'vision', 'align'].includes(tower))
      throw new AlignError('invalid_argument', `plan: no tower is ${show(tower)}`);
    const { text, vision, head } = this.runtime;
    const { batch = 1, tokens = 64 } = shape;
    if (tower === 'align') return head!.plan(batch, batch);
    if (tower === 'text') return loaded(text, 'text').plan(batch, tokens, batch * tokens, { features: true });
    const [height, width] = image_size(this.config.vision_config);
    return loaded(vision, 'vision').plan(batch, shape.height ?? height, shape.width ?? width);
  }

  /** Sizes default as in {@link plan}; a tower that was not loaded is left out. */
  async warmup(shape: Omit<Shape, 'batch'> = {}): Promise<void> {
    check_options('warmup', shape, SHAPE_RULES);
    const { text, vision } = this.runtime;
    const tokens = shape.tokens ?? usual_tokens(this.config.text_config);
    const [height, width] = image_size(this.config.vision_config);
    const picture = [shape.height ?? height, shape.width ?? width] as const;
    await this.warm(usual_plans(this.runtime, tokens, picture));
    if (text) await this.embed_text(no_text(tokens));
    if (vision) await this.embed_image(no_picture(this.config.vision_config, picture));
  }
}

function transpose(matrix: Float): Float {
  const [rows, columns] = matrix.dims as [number, number];
  const out = new Float32Array(matrix.size);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[j * rows + i] = matrix.data[i * columns + j]!;
  return new Tensor('float32', out, [columns, rows]);
}
