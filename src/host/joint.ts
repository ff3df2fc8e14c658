// A call of the whole model: one or both towers, and the head over their features.

import type { TowerOptions } from './batches.ts';
import type { Outputs } from './executor.ts';
import type { TextBatch, VisionBatch } from './inputs.ts';
import { run_as_one } from './joint_plan.ts';
import { loaded, type Runtime } from './runtime.ts';
import type { Wanted } from './towers.ts';

/** What the towers are given, and asked for beside their features; at least one of them. */
export interface JointCall {
  readonly text?: TextBatch;
  readonly vision?: VisionBatch;
  readonly wanted?: Wanted;
}

/** Outputs of each, null for a tower that was given nothing. */
export interface JointOutputs {
  readonly text: Outputs | null;
  readonly vision: Outputs | null;
  readonly head: Outputs;
}

/**
 * Runs a call: on a GPU as one plan where its batches fit in one run; else one after the other.
 * @throws AlignError `invalid_argument` where a tower was not loaded, and what a run throws
 */
export async function run_joint(
  runtime: Runtime,
  call: JointCall,
  options: TowerOptions,
): Promise<JointOutputs> {
  return (await run_as_one(runtime, call, options)) ?? run_apart(runtime, call, options);
}

async function run_apart(
  { text, vision, head }: Runtime,
  call: JointCall,
  options: TowerOptions,
): Promise<JointOutputs> {
  const wanted = { ...call.wanted, features: true };
  const pictures = call.vision ? await loaded(vision, 'vision').run(call.vision, wanted, options) : null;
  const words = call.text ? await loaded(text, 'text').run(call.text, wanted, options) : null;
  const [image_features, text_features] = [pictures?.get('pooler_output'), words?.get('features')];
  const joint = await head!.run(text_features ?? null, image_features ?? null, options);
  return { text: words, vision: pictures, head: joint };
}
