// The public names, nothing else.

export { AlignConfig, AlignTextConfig, AlignVisionConfig } from './config.ts';
export { AlignError, type AlignErrorCode } from './errors.ts';
export { align_loss } from './loss.ts';
export { AlignModel, AlignTextModel, AlignVisionModel } from './models.ts';
export { AlignOutput, ModelOutput } from './outputs.ts';
export type { CallOptions, LoadOptions, ProgressInfo } from './options.ts';
export type { FileInput, ModelFiles, ModelFolder, ModelSource } from './checkpoint/model_files.ts';
export type { ByteSource } from './checkpoint/source.ts';
export type { TapInputs, TextInputs, VisionInputs } from './inputs.ts';
export { describe, plan_text, type OpDescription } from './plan/describe.ts';
export type { Plan } from './plan/plan.ts';
export { Tensor, type TensorData, type TensorType } from './tensor.ts';
