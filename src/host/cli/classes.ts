// The outputs of a model for stored inputs, under the names that transformers' output classes give them.

import { open_model } from '../checkpoint/model_files.ts';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../models.ts';
import type { CallOptions, LoadOptions } from '../options.ts';
import { Tensor } from '../tensor.ts';

/** Tensors by name. */
export type Tensors = ReadonlyMap<string, Tensor>;

/** What the three model classes have in common. */
interface Model {
  forward(inputs: object, o: CallOptions): Promise<object>;
  dispose(): void;
}

/** The classes of one checkpoint, each loaded when it is first needed. */
export class ModelClasses {
  readonly #model: string;
  readonly #options: LoadOptions;
  /** A tower's own checkpoint has no other classes. */
  readonly #is_tower: boolean;
  readonly #loaded: Model[] = [];
  #align: AlignModel | undefined;
  #text: AlignTextModel | undefined;
  #vision: AlignVisionModel | undefined;

  private constructor(model: string, options: LoadOptions, is_tower: boolean) {
    this.#model = model;
    this.#options = options;
    this.#is_tower = is_tower;
  }

  /** Reads config.json only, to see whether the checkpoint is a whole model or a tower. */
  static async open(model: string, options: LoadOptions): Promise<ModelClasses> {
    const config = await (await open_model(model, options)).json('config.json');
    const model_type = config?.model_type;
    return new ModelClasses(
      model,
      options,
      model_type === 'align_text_model' || model_type === 'align_vision_model',
    );
  }

  /**
   * The outputs that `wanted` names, as far as the model computes them: AlignModel.forward where there are inputs of both
   * towers, else a tower's own forward; get_*_features beside it.
   */
  async outputs(inputs: Tensors, wanted: readonly string[]): Promise<Tensors> {
    const o: CallOptions = { signal: this.#options.signal };
    const wants = (part: string): boolean => wanted.some((name) => name.includes(part));
    const taps = {
      output_hidden_states: wants('.hidden_states.'),
      output_attentions: wants('.attentions.'),
    };
    const words = Object.fromEntries([...inputs].filter(([name]) => name !== 'pixel_values'));
    const pixel_values = inputs.get('pixel_values');
    const outputs = new Map<string, Tensor>();
    if (!this.#is_tower && pixel_values !== undefined && Object.keys(words).length > 0) {
      const both = { ...words, pixel_values, ...taps, return_loss: wanted.includes('loss') };
      collect(outputs, '', await (await this.#align_model()).forward(both, o));
    } else if (wants('text_model_output.')) {
      this.#text ??= this.#keep(await AlignTextModel.from_pretrained(this.#model, this.#options));
      collect(outputs, 'text_model_output.', await this.#text.forward({ ...words, ...taps }, o));
    } else if (wants('vision_model_output.') && pixel_values !== undefined) {
      this.#vision ??= this.#keep(await AlignVisionModel.from_pretrained(this.#model, this.#options));
      const { output_hidden_states } = taps;
      collect(
        outputs,
        'vision_model_output.',
        await this.#vision.forward({ pixel_values, output_hidden_states }, o),
      );
    }
    if (wanted.includes('text_features')) {
      const { pooler_output } = await (await this.#align_model()).get_text_features(words, o);
      outputs.set('text_features', pooler_output!);
    }
    if (wanted.includes('image_features') && pixel_values !== undefined) {
      const { pooler_output } = await (await this.#align_model()).get_image_features({ pixel_values }, o);
      outputs.set('image_features', pooler_output!);
    }
    return outputs;
  }

  /** Frees every class that was loaded. */
  dispose(): void {
    for (const model of this.#loaded) model.dispose();
  }

  async #align_model(): Promise<AlignModel> {
    this.#align ??= this.#keep(await AlignModel.from_pretrained(this.#model, this.#options));
    return this.#align;
  }

  #keep<M extends Model>(model: M): M {
    this.#loaded.push(model);
    return model;
  }
}

/** Adds the tensors of an output object: `prefix` + key, taps as key.0, key.1 …, a tower's outputs as key.name. */
function collect(outputs: Map<string, Tensor>, prefix: string, output: object): void {
  for (const [key, value] of Object.entries(output) as [string, unknown][]) {
    if (value instanceof Tensor) outputs.set(prefix + key, value as Tensor);
    else if (typeof value === 'object' && value !== null) collect(outputs, `${prefix}${key}.`, value);
  }
}
