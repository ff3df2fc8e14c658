// What a thread and its worker say to each other, beside the files of the model (folder.ts).

import type { WeightDtype } from '../checkpoint/formats.ts';
import type { ConfigDict } from '../config_base.ts';
import type { Limits } from '../executor.ts';
import type { LoadOptions } from '../options.ts';
import type { Places } from '../placement.ts';
import type { Plan, WeightRequest } from '../plan/plan.ts';
import type { RecorderOptions } from '../plan/recorder.ts';
import type { ImageSettings } from '../processor/image_settings.ts';
import type { ProgressInfo } from '../progress.ts';
import type { LoadingInfo } from '../wasm/loader.ts';

/** `load`: a model, from the files that are asked for under `name`. */
export interface LoadQuestion {
  readonly name: string;
  readonly text: ConfigDict | null;
  readonly vision: ConfigDict | null;
  readonly add_pooling_layer: boolean | undefined;
  readonly projection_dim: number | undefined;
  readonly options: LoadOptions;
  /** What is to be told of how far loading is: events, or of a remote model the calls of its own Progress. */
  readonly progress: 'events' | 'calls' | null;
}

/** What was loaded. */
export interface LoadAnswer extends State {
  readonly device: 'wasm' | 'webgpu';
  readonly threads: number;
  readonly limits: Limits;
  readonly dtype: WeightDtype;
  readonly precision: 'exact' | 'fast';
  readonly loading_info: LoadingInfo;
  readonly recorder: Required<RecorderOptions>;
  readonly text: boolean;
  readonly vision: boolean;
  readonly places: Places;
  readonly words: WeightRequest | null;
  /** Whether a lost device is to be replaced. */
  readonly recovers: boolean;
}

/** What is heard with every answer. */
export interface State {
  readonly memory: Memory;
}

export interface Memory {
  readonly weights: number;
  readonly arena: number;
  readonly total: number;
}

/** A plan goes over once, then by its number. */
export interface SentPlan {
  readonly id: number;
  readonly plan: Plan | null;
  /** One that will not be asked for any more. */
  readonly forget: number | null;
}

/** `run` and `profile`. */
export interface RunQuestion {
  readonly plan: SentPlan;
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array>>;
  readonly yield_ms: number | undefined;
}

export interface RunAnswer extends State {
  readonly outputs: readonly (readonly [name: string, data: Float32Array, dims: readonly number[]])[];
}

export interface ProfileAnswer extends State {
  readonly times: number[];
}

/** Samples without their class. */
export interface SentPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** `planes`: of a picture's file, its samples, or a bitmap. */
export interface PlanesQuestion {
  readonly picture: Uint8Array | SentPixels | ImageBitmap;
  readonly settings: ImageSettings;
  readonly max_pixels: number | undefined;
}

/** `progress`, told by the worker. */
export type ProgressNote =
  { readonly info: ProgressInfo } | { readonly call: string; readonly values: readonly unknown[] };
