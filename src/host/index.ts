// The public names, nothing else.

export { Align, type ClassifyOptions, type LabelSetOptions } from './align.ts';
export { clear_cache } from './checkpoint/remote/cache.ts';
export { AlignConfig, AlignTextConfig, AlignVisionConfig } from './config.ts';
export { AlignError, type AlignErrorCode } from './errors.ts';
export { RawImage, type ImageInput, type RawPixels, type ReadOptions } from './image.ts';
export { LabelSet } from './label_set.ts';
export {
  AlignIndex,
  type IndexDtype,
  type IndexId,
  type IndexOptions,
  type IndexSource,
  type JsonValue,
  type Match,
  type SearchOptions,
} from './search/align_index.ts';
export { align_loss } from './loss.ts';
export type { MixPart } from './mix.ts';
export { AlignModel, AlignTextModel, AlignVisionModel } from './models.ts';
export type { Background, CallOptions, LoadOptions } from './options.ts';
export { AlignOutput, ModelOutput } from './outputs.ts';
export {
  pipeline,
  type FeatureExtractionPipeline,
  type FeatureOptions,
  type ImageFeatureExtractionPipeline,
  type ZeroShotImageClassificationPipeline,
  type ZeroShotOptions,
} from './pipeline.ts';
export { describe, plan_text, type OpDescription } from './plan/describe.ts';
export type { Plan } from './plan/plan.ts';
export type { ProgressInfo } from './progress.ts';
export { EfficientNetImageProcessor } from './processor/image_processor.ts';
export { AlignProcessor, type ProcessorInputs, type ProcessorOutput } from './processor/processor.ts';
export { BertTokenizer } from './processor/tokenizer.ts';
export { use_webp, type WebpDecoder } from './processor/webp.ts';
export type { Score } from './scores.ts';
export { Tensor, type TensorData, type TensorType } from './tensor.ts';
export type { FileInput, ModelFiles, ModelFolder, ModelSource } from './checkpoint/model_files.ts';
export type { ByteSource } from './checkpoint/source.ts';
export type { TapInputs, TextInputs, VisionInputs } from './inputs.ts';
