// pipeline(task): the calls that people who know transformers.js already know.

import { Align } from './align.ts';
import type { ModelSource } from './checkpoint/model_files.ts';
import { encode_images, encode_texts, listed, load_encoder, type Encoder } from './encode.ts';
import { AlignError, show } from './errors.ts';
import type { ImageInput } from './image.ts';
import type { AlignModel } from './models.ts';
import {
  CALL_RULES,
  check_load_options,
  check_options,
  checked_list,
  checked_texts,
  flag,
  nearest_name,
  positive_integer,
  template,
  type CallOptions,
  type LoadOptions,
} from './options.ts';
import type { AlignProcessor } from './processor/processor.ts';
import { stacked, type Score } from './scores.ts';
import type { Tensor } from './tensor.ts';

/** What every pipeline has besides being callable. */
export interface Pipeline {
  readonly task: string;
  readonly model: AlignModel;
  readonly processor: AlignProcessor;
  /** Frees the model's memory. */
  dispose(): void;
}

/** Options of a zero-shot pipeline's call. */
export interface ZeroShotOptions extends CallOptions {
  /** Default `'This is a photo of {}'`, as in transformers.js. */
  hypothesis_template?: string | undefined;
  top_k?: number | undefined;
}

/** Options of a feature pipeline's call. */
export interface FeatureOptions extends CallOptions {
  /** Bring every row to length 1. Default false: the model's own features, as `pooler_output` gives them. */
  normalize?: boolean | undefined;
}

/** Labels with their share of 1, best first; an array of these for an array of pictures. */
export interface ZeroShotImageClassificationPipeline extends Pipeline {
  (images: ImageInput, candidate_labels: readonly string[], o?: ZeroShotOptions): Promise<Score[]>;
  (
    images: readonly ImageInput[],
    candidate_labels: readonly string[],
    o?: ZeroShotOptions,
  ): Promise<Score[][]>;
}

/** Image features [images, projection_dim]. */
export type ImageFeatureExtractionPipeline = Pipeline &
  ((images: ImageInput | readonly ImageInput[], o?: FeatureOptions) => Promise<Tensor<'float32'>>);

/** Text features [texts, projection_dim]. */
export type FeatureExtractionPipeline = Pipeline &
  ((texts: string | readonly string[], o?: FeatureOptions) => Promise<Tensor<'float32'>>);

interface Pipelines {
  'zero-shot-image-classification': ZeroShotImageClassificationPipeline;
  'image-feature-extraction': ImageFeatureExtractionPipeline;
  'feature-extraction': FeatureExtractionPipeline;
}

const ZERO_SHOT_RULES = { ...CALL_RULES, hypothesis_template: template, top_k: positive_integer };
const FEATURE_RULES = { ...CALL_RULES, normalize: flag };

const MAKERS: { [T in keyof Pipelines]: (model: Model, o?: LoadOptions) => Promise<Pipelines[T]> } = {
  'zero-shot-image-classification': zero_shot_image_classification,
  'image-feature-extraction': image_feature_extraction,
  'feature-extraction': feature_extraction,
};

type Model = ModelSource | undefined;

/**
 * A function that does one task with one model, as transformers.js' pipeline(). Feature pipelines load one tower only.
 * @throws AlignError `invalid_argument` for an unknown task, and what {@link Align.load} throws
 */
export async function pipeline<T extends keyof Pipelines>(
  task: T,
  model?: ModelSource,
  o?: LoadOptions,
): Promise<Pipelines[T]> {
  const tasks = Object.keys(MAKERS);
  const given: unknown = task;
  if (typeof given !== 'string' || !tasks.includes(given)) {
    const nearest = typeof given === 'string' ? nearest_name(given, tasks) : undefined;
    throw new AlignError(
      'invalid_argument',
      `pipeline: unknown task ${show(given)}; the tasks are ${tasks.join(', ')}`,
      nearest === undefined ? {} : { hint: `did you mean ${show(nearest)}?` },
    );
  }
  check_load_options('pipeline', o);
  return MAKERS[task](model, o);
}

async function zero_shot_image_classification(
  from: Model,
  o?: LoadOptions,
): Promise<ZeroShotImageClassificationPipeline> {
  const align = await Align.load(from, o);
  const call = async (
    images: ImageInput | readonly ImageInput[],
    candidate_labels: readonly string[],
    given: ZeroShotOptions = {},
  ): Promise<Score[] | Score[][]> => {
    const options = check_options('zero-shot-image-classification', given, ZERO_SHOT_RULES);
    return align.classify(images as ImageInput, candidate_labels, {
      ...options,
      hypothesis_template: options.hypothesis_template ?? 'This is a photo of {}',
    });
  };
  return Object.assign(call, {
    task: 'zero-shot-image-classification',
    model: align.model,
    processor: align.processor,
    dispose: () => align.dispose(),
  }) as ZeroShotImageClassificationPipeline;
}

async function image_feature_extraction(
  from: Model,
  o?: LoadOptions,
): Promise<ImageFeatureExtractionPipeline> {
  const task = 'image-feature-extraction';
  const tower = await load_tower(from, 'vision', o);
  const call = async (
    images: ImageInput | readonly ImageInput[],
    given: FeatureOptions = {},
  ): Promise<Tensor<'float32'>> => {
    const options = check_options(task, given, FEATURE_RULES);
    const list = checked_list(`${task}: images`, listed(images));
    return stacked(await encode_images(tower, list, options, options.normalize ?? false));
  };
  return Object.assign(call, { task, ...tower, dispose: () => tower.model.dispose() });
}

async function feature_extraction(from: Model, o?: LoadOptions): Promise<FeatureExtractionPipeline> {
  const task = 'feature-extraction';
  const tower = await load_tower(from, 'text', o);
  const call = async (
    texts: string | readonly string[],
    given: FeatureOptions = {},
  ): Promise<Tensor<'float32'>> => {
    const options = check_options(task, given, FEATURE_RULES);
    const list = checked_texts(`${task}: texts`, listed(texts));
    return stacked(await encode_texts(tower, list, options, options.normalize ?? false));
  };
  return Object.assign(call, { task, ...tower, dispose: () => tower.model.dispose() });
}

/** Model and processor with one tower, unless the options ask for more. */
function load_tower(from: Model, tower: 'text' | 'vision', o?: LoadOptions): Promise<Encoder> {
  return load_encoder(from, { ...o, towers: o?.towers ?? tower });
}
