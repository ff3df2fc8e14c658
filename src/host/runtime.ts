// Loading: from the files of a model to towers on an executor with their weights in place.

import { platform } from '#platform';
import { Checkpoint } from './checkpoint/checkpoint.ts';
import type { ModelFolder } from './checkpoint/model_files.ts';
import { has_pooler, is_prefixed } from './checkpoint/names.ts';
import type { AlignTextConfig, AlignVisionConfig } from './config.ts';
import { AlignError, throw_if_aborted } from './errors.ts';
import type { LoadOptions } from './options.ts';
import { Recorder } from './plan/recorder.ts';
import { weight_requests, type Plan, type WeightRequest } from './plan/plan.ts';
import { Head, TextTower, VisionTower } from './towers.ts';
import { WasmExecutor } from './wasm/executor.ts';
import { check_tensors, load_weights, type LoadingInfo } from './wasm/loader.ts';
import { compile, Instance } from './wasm/module.ts';
import { relaxed_simd } from './wasm/relaxed.ts';
import { threads_available } from './wasm/threads.ts';

/** What to load of a checkpoint. */
export interface Parts {
  readonly text?: AlignTextConfig | undefined;
  readonly vision?: AlignVisionConfig | undefined;
  /** false leaves the text tower's pooler out even where the checkpoint has one. */
  readonly add_pooling_layer?: boolean | undefined;
  /** Width of text_projection and of the head; absent for a tower alone. */
  readonly projection_dim?: number | undefined;
}

/** A loaded model, without its public face. */
export interface Runtime {
  readonly executor: WasmExecutor;
  readonly recorder: Recorder;
  readonly precision: 'exact' | 'fast';
  readonly text: TextTower | null;
  readonly vision: VisionTower | null;
  readonly head: Head | null;
  readonly loading_info: LoadingInfo;
}

/** Loads `parts` from a folder. Whatever fails or is aborted leaves nothing behind. */
export async function load_runtime(
  folder: ModelFolder,
  parts: Parts,
  options: LoadOptions,
): Promise<Runtime> {
  const { signal } = options;
  throw_if_aborted(signal);
  const precision =
    options.precision === 'fast' && platform.relaxed && (await relaxed_simd()) ? 'fast' : 'exact';
  const module = await compile(options.wasm, precision);
  const threads = threads_available() ? (options.threads ?? 1) : 1;
  const checkpoint = await Checkpoint.open(folder, signal);
  try {
    const recorder = new Recorder(new Instance(module), { parts: threads });
    const layout = place(recorder, parts, checkpoint);
    const loading_info = check_tensors(layout.requests, checkpoint);
    const own = threads > 1 ? await platform.wasm(`${precision}_threads`) : module;
    const executor = new WasmExecutor(own, layout.weight_bytes, options.max_memory, threads);
    await load_with_progress(executor, layout, checkpoint, options);
    const towers = layout.towers(executor);
    return { executor, recorder, precision, ...towers, loading_info };
  } finally {
    await checkpoint.close();
  }
}

interface Layout {
  readonly requests: readonly WeightRequest[];
  readonly weight_bytes: number;
  towers(executor: WasmExecutor): Pick<Runtime, 'text' | 'vision' | 'head'>;
}

/** Records the smallest plan of each tower: its weight requests, and so where every block goes. */
function place(recorder: Recorder, parts: Parts, checkpoint: Checkpoint): Layout {
  const plans: Plan[] = [];
  const next = (prefixed: boolean) => ({ ...(plans.at(-1)?.next ?? { shard: 0, offset: 0 }), prefixed });
  const { text, vision, projection_dim } = parts;

  const whole = projection_dim !== undefined;
  const text_place = next(whole || is_prefixed(checkpoint, 'text'));
  const pooler = has_pooler(checkpoint, text_place.prefixed) && parts.add_pooling_layer !== false;
  const text_parts = { pooler, projection_dim: projection_dim ?? 0 };
  if (text) {
    const call = { sequences: 1, length: 1, tokens: 1, inputs_embeds: false, features: false };
    const wanted = { last_hidden_state: false, hidden_states: false, attentions: false };
    plans.push(recorder.text(text, text_parts, text_place, { ...call, ...wanted }));
  }
  const vision_place = next(whole || is_prefixed(checkpoint, 'vision'));
  if (vision) {
    const side = smallest_side(vision);
    const call = { batch: 1, height: side, width: side, last_hidden_state: false, hidden_states: false };
    plans.push(recorder.vision(vision, vision_place, call));
  }
  const head_place = next(false);
  if (projection_dim !== undefined) plans.push(recorder.align(projection_dim, head_place, 1, 0));

  return {
    requests: plans.flatMap(weight_requests),
    weight_bytes: plans.reduce((bytes, plan) => bytes + plan.weight_bytes, 0),
    towers: (executor) => ({
      text: text ? new TextTower(text, executor, recorder, text_place, text_parts) : null,
      vision: vision ? new VisionTower(vision, executor, recorder, vision_place) : null,
      head: projection_dim === undefined ? null : new Head(projection_dim, executor, recorder, head_place),
    }),
  };
}

/** A picture size that every map survives: weights do not depend on it. */
function smallest_side(config: AlignVisionConfig): number {
  const halvings = config.strides.filter((stride) => stride === 2).length + 1;
  return 2 ** halvings;
}

async function load_with_progress(
  executor: WasmExecutor,
  layout: Layout,
  checkpoint: Checkpoint,
  options: LoadOptions,
): Promise<void> {
  const report = options.progress_callback;
  const names = layout.requests.flatMap((request) => request.sources.map((source) => source.name));
  const total = names.reduce(
    (bytes, name) => bytes + checkpoint.get(name)!.end - checkpoint.get(name)!.start,
    0,
  );
  const file = checkpoint.name;
  let loaded = 0;
  report?.({ status: 'initiate', file });
  try {
    await executor.start();
    await load_weights(executor, layout.requests, checkpoint, {
      signal: options.signal,
      on_bytes: (bytes) => {
        loaded += bytes;
        report?.({ status: 'progress', file, loaded, total, progress: (100 * loaded) / total });
      },
    });
  } catch (error) {
    executor.dispose();
    throw error;
  }
  report?.({ status: 'done', file });
  report?.({ status: 'ready' });
}

/** The tower a call needs. @throws AlignError `invalid_argument` where it was not loaded. */
export function loaded<T>(tower: T | null, what: 'text' | 'vision'): T {
  if (tower !== null) return tower;
  throw new AlignError('invalid_argument', `The ${what} tower was not loaded`, {
    hint: "load with towers: 'both'",
  });
}
