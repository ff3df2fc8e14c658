// `align-wasm/core`: the models on WebAssembly and the tokenizer, nothing else. The caller hands over align.wasm and the
// bytes of a model; pictures are samples, or pixel_values. The same bits as the whole package.
//
// The build makes one file of it, with core_extras.ts in place of extras.ts (scripts/bundle.mjs).

export { Align, type ClassifyOptions, type LabelSetOptions } from './align.ts';
export { AlignConfig, AlignTextConfig, AlignVisionConfig } from './config.ts';
export { AlignError, type AlignErrorCode } from './errors.ts';
export { RawImage, type ImageInput, type RawPixels, type ReadOptions } from './image.ts';
export { LabelSet } from './label_set.ts';
export { align_loss } from './loss.ts';
export type { MixPart } from './mix.ts';
export { AlignModel, AlignTextModel, AlignVisionModel } from './models.ts';
export type { Background, CallOptions, LoadOptions } from './options.ts';
export { AlignOutput, ModelOutput } from './outputs.ts';
export type { ProgressInfo } from './progress.ts';
export { EfficientNetImageProcessor } from './processor/image_processor.ts';
export { AlignProcessor, type ProcessorInputs, type ProcessorOutput } from './processor/processor.ts';
export { BertTokenizer } from './processor/tokenizer.ts';
export type { Score } from './scores.ts';
export { Tensor, type TensorData, type TensorType } from './tensor.ts';
export type { FileInput, ModelFiles, ModelFolder, ModelSource } from './checkpoint/model_files.ts';
export type { ByteSource } from './checkpoint/source.ts';
export type { TapInputs, TextInputs, VisionInputs } from './inputs.ts';
