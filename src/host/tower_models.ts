// The towers alone, as transformers has them.

import { open_model, type ModelFolder, type ModelSource } from './checkpoint/model_files.ts';
import { AlignTextConfig, AlignVisionConfig } from './config.ts';
import {
  read_taps,
  read_text_inputs,
  read_vision_inputs,
  type TapInputs,
  type TextInputs,
  type VisionInputs,
} from './inputs.ts';
import { within_memory } from './errors.ts';
import { load_runtime } from './load_runtime.ts';
import { Model, no_picture, no_text } from './model.ts';
import { check_load_options, flag, type CallOptions, type LoadOptions } from './options.ts';
import type { ModelOutput } from './outputs.ts';
import { image_size, usual_plans, usual_tokens } from './placement.ts';
import { loaded, type Runtime } from './runtime.ts';
import { text_output, vision_output } from './tower_outputs.ts';

/** The BERT tower alone, from its own checkpoint or a whole model's: AlignTextModel in transformers. */
export class AlignTextModel extends Model {
  readonly config: AlignTextConfig;

  private constructor(folder: ModelFolder, runtime: Runtime, config: AlignTextConfig) {
    super(folder, runtime);
    this.config = config;
  }

  /**
   * @param options `add_pooling_layer: false` leaves the pooler out, as the constructor's argument does in transformers:
   *   pooler_output is then null, as it is for a checkpoint without pooler weights
   * @throws AlignError as {@link AlignModel.from_pretrained}
   */
  static async from_pretrained(
    model?: ModelSource,
    options: LoadOptions & { add_pooling_layer?: boolean | undefined } = {},
  ): Promise<AlignTextModel> {
    check_load_options('AlignTextModel.from_pretrained', options, { add_pooling_layer: flag });
    const { add_pooling_layer, ...load } = options;
    return within_memory(async () => {
      const folder = await open_model(model, load);
      const config = await AlignTextConfig.from_folder(folder);
      return new AlignTextModel(
        folder,
        await load_runtime(folder, { text: config, add_pooling_layer }, load),
        config,
      );
    });
  }

  /** AlignTextModel.forward. @throws AlignError as {@link AlignModel.forward} */
  forward(inputs: TextInputs & TapInputs, options: CallOptions = {}): Promise<ModelOutput> {
    return this.call('AlignTextModel.forward', options, async ({ text }, options) => {
      const batch = read_text_inputs(inputs, this.config);
      const wanted = { last_hidden_state: true, ...read_taps(inputs) };
      return text_output(this.config, batch, await loaded(text, 'text').run(batch, wanted, options));
    });
  }

  async warmup(): Promise<void> {
    await this.warm(usual_plans(this.runtime));
    await this.forward(no_text(usual_tokens(this.config)));
  }
}

/** The EfficientNet tower alone, from its own checkpoint or a whole model's: AlignVisionModel in transformers. */
export class AlignVisionModel extends Model {
  readonly config: AlignVisionConfig;

  private constructor(folder: ModelFolder, runtime: Runtime, config: AlignVisionConfig) {
    super(folder, runtime);
    this.config = config;
  }

  /** @throws AlignError as {@link AlignModel.from_pretrained} */
  static async from_pretrained(model?: ModelSource, options: LoadOptions = {}): Promise<AlignVisionModel> {
    check_load_options('AlignVisionModel.from_pretrained', options);
    return within_memory(async () => {
      const folder = await open_model(model, options);
      const config = await AlignVisionConfig.from_folder(folder);
      return new AlignVisionModel(folder, await load_runtime(folder, { vision: config }, options), config);
    });
  }

  /** AlignVisionModel.forward. @throws AlignError as {@link AlignModel.forward} */
  forward(inputs: VisionInputs & TapInputs, options: CallOptions = {}): Promise<ModelOutput> {
    return this.call('AlignVisionModel.forward', options, ({ vision }, options) =>
      run_vision(this.config, vision, inputs, options),
    );
  }

  async warmup(): Promise<void> {
    await this.warm(usual_plans(this.runtime));
    await this.forward(no_picture(this.config, image_size(this.config)));
  }
}

/** AlignVisionModel.forward, which is also AlignModel.get_image_features. */
export async function run_vision(
  config: AlignVisionConfig,
  tower: Runtime['vision'],
  inputs: VisionInputs & TapInputs,
  options: CallOptions,
): Promise<ModelOutput> {
  const batch = read_vision_inputs(inputs, config);
  const wanted = { last_hidden_state: true, ...read_taps(inputs) };
  return vision_output(await loaded(tower, 'vision').run(batch, wanted, options));
}
