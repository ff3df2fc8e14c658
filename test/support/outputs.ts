// A model's outputs under the names of test/golden/README.md.

import type { ModelSource } from '../../src/host/checkpoint/model_files.ts';
import { AlignModel, AlignTextModel, AlignVisionModel } from '../../src/host/models.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import type { ModelOutput } from '../../src/host/outputs.ts';
import { Tensor } from '../../src/host/tensor.ts';

/** The tensors in `value`, nested objects and lists as `name.field` and `name.0`. */
export function flatten(value: object, prefix = ''): Record<string, Tensor> {
  const found: Record<string, Tensor> = {};
  for (const [key, entry] of Object.entries(value) as [string, unknown][]) {
    const name = prefix + key;
    if (entry instanceof Tensor) found[name] = entry as Tensor;
    else if (typeof entry === 'object' && entry !== null) Object.assign(found, flatten(entry, `${name}.`));
  }
  return found;
}

type Inputs = Readonly<Record<string, Tensor>>;

/** A loaded golden: `text` is the lone text tower of a full model's checkpoint. */
export interface LoadedGolden {
  readonly model: AlignModel | AlignTextModel | AlignVisionModel;
  readonly text: AlignTextModel | null;
}

/** Loads the class that the config names: `type` is its model_type. */
export async function load_golden(
  source: ModelSource,
  type: string,
  options?: LoadOptions,
): Promise<LoadedGolden> {
  if (type === 'align_text_model')
    return { model: await AlignTextModel.from_pretrained(source, options), text: null };
  if (type === 'align_vision_model')
    return { model: await AlignVisionModel.from_pretrained(source, options), text: null };
  return {
    model: await AlignModel.from_pretrained(source, options),
    text: await AlignTextModel.from_pretrained(source, options),
  };
}

const TAPS = { output_hidden_states: true, output_attentions: true };

/** Everything that `inputs` can give, by every call that gives it; `loss` says whether one is expected. */
export async function run_golden(
  { model, text }: LoadedGolden,
  inputs: Inputs,
  loss: boolean,
): Promise<Record<string, Tensor>> {
  const asked = { ...inputs, ...TAPS };
  const under = (name: string, output: ModelOutput): Record<string, Tensor> => flatten(output, `${name}.`);
  if (model instanceof AlignTextModel) return under('text_model_output', await model.forward(asked));
  if (model instanceof AlignVisionModel) return under('vision_model_output', await model.forward(asked));

  const outputs: Record<string, Tensor> = {};
  const words = 'input_ids' in inputs || 'inputs_embeds' in inputs;
  const pictures = 'pixel_values' in inputs;
  if (words) {
    Object.assign(outputs, under('text_model_output', await text!.forward(asked)));
    outputs.text_features = (await model.get_text_features(inputs)).pooler_output!;
  }
  if (pictures) {
    const output = await model.get_image_features(asked);
    Object.assign(outputs, under('vision_model_output', output));
    outputs.image_features = output.pooler_output!;
  }
  if (words && pictures)
    Object.assign(outputs, flatten(await model.forward({ ...asked, return_loss: loss })));
  return outputs;
}
