// Which weight blocks a model asks for, in which format each, and where every one goes.

import type { Checkpoint } from './checkpoint/checkpoint.ts';
import type { ChooseFormats } from './checkpoint/formats.ts';
import { has_pooler, is_prefixed } from './checkpoint/names.ts';
import { BELONG_TOGETHER, check_blocks, packed_formats } from './checkpoint/packed.ts';
import type { AlignTextConfig, AlignVisionConfig } from './config.ts';
import { AlignError } from './errors.ts';
import type { Executor } from './executor.ts';
import { weight_requests, type Plan, type WeightRequest } from './plan/plan.ts';
import { Recorder, type Placement, type RecorderOptions, type TextParts } from './plan/recorder.ts';
import { Head, TextTower, VisionTower } from './towers.ts';
import type { Instance } from './wasm/module.ts';
import type { WordRows } from './word_rows.ts';

/** What to load of a checkpoint. */
export interface Parts {
  readonly text?: AlignTextConfig | undefined;
  readonly vision?: AlignVisionConfig | undefined;
  /** false leaves the text tower's pooler out even where the checkpoint has one. */
  readonly add_pooling_layer?: boolean | undefined;
  /** Width of text_projection and of the head; absent for a tower alone. */
  readonly projection_dim?: number | undefined;
}

/** The towers and the head, each null where it is not loaded. */
export interface Towers {
  readonly text: TextTower | null;
  readonly vision: VisionTower | null;
  readonly head: Head | null;
}

/** Where the weights of each begin, of those that are loaded. */
export interface Places {
  readonly text: Placement;
  readonly text_parts: TextParts;
  readonly vision: Placement;
  readonly head: Placement;
}

/** The blocks of a model and their places. */
export interface Layout {
  readonly recorder: Recorder;
  readonly places: Places;
  readonly requests: readonly WeightRequest[];
  /** Bytes from the first block to the end of the last. */
  readonly weight_bytes: number;
  /** The word table, where it stays out of memory: it is none of `requests`. */
  readonly words: WeightRequest | null;
  readonly towers: (executor: Executor, words?: WordRows | null) => Towers;
}

/**
 * The layout of `parts`, in the formats of a packed file, else in those that `choose` gives them. `rows`: the word table
 * stays out.
 * @throws AlignError as recording a plan, and for a packed file whose blocks are not those that its config asks for
 */
export function lay_out(
  instance: Instance,
  options: RecorderOptions,
  parts: Parts,
  checkpoint: Checkpoint,
  choose: ChooseFormats,
  rows: boolean = false,
): Layout {
  check_depth(parts, checkpoint);
  const plain = place(new Recorder(instance, options), parts, checkpoint);
  const { name, packing } = checkpoint;
  const formats = packing ? packed_formats(name, packing, plain.requests) : choose(plain.requests);
  // Recorders keep their plans, and formats are no part of a plan's key.
  const layout = formats.some(Boolean)
    ? place(new Recorder(instance, options), parts, checkpoint, formats)
    : plain;
  if (packing) check_blocks(name, packing, layout.requests, (block) => checkpoint.get(block));
  const table = rows ? layout.requests.findIndex((request) => WORDS.test(request.name)) : -1;
  if (table < 0) return layout;
  const others = formats.filter((_, i) => i !== table);
  const words = layout.requests[table]!;
  return { ...place(new Recorder(instance, options), parts, checkpoint, others, true), words };
}

/** Layers that are planned in no time: tensors that they lack are named. */
const FEW_LAYERS = 100;

/** Whether a model has so many layers that planning them takes a while. */
export function is_deep(parts: Parts): boolean {
  return layers_of(parts) > FEW_LAYERS;
}

function layers_of({ text, vision }: Parts): number {
  return (text?.num_hidden_layers ?? 0) + (vision?.num_hidden_layers ?? 0);
}

/** The least that a layer of the text tower has, and one of the vision tower: tensors, and blocks of a packed file. */
const LAYER_TENSORS = [16, 14] as const;
const LAYER_BLOCKS = [6, 4] as const;

/**
 * Planning takes time by the square of the layers, so a small file must not ask for many: each has tensors of its own.
 * @throws AlignError `missing_tensor`
 */
function check_depth(parts: Parts, checkpoint: Checkpoint): void {
  if (!is_deep(parts)) return;
  const layers = layers_of(parts);
  const texts = parts.text?.num_hidden_layers ?? 0;
  const [of_text, of_vision] = checkpoint.packing ? LAYER_BLOCKS : LAYER_TENSORS;
  const tensors = Array.from(checkpoint.names()).length;
  if (texts * of_text + (layers - texts) * of_vision <= tensors) return;
  throw new AlignError(
    'missing_tensor',
    `${checkpoint.name} has ${tensors} tensors, too few for the ${layers} layers of its config`,
    { detail: { tensors, layers }, hint: BELONG_TOGETHER },
  );
}

const WORDS = /(^|\.)embeddings\.word_embeddings$/;

/** Records the smallest plan of each tower: its weight requests, and so where every block goes. */
function place(
  recorder: Recorder,
  parts: Parts,
  checkpoint: Checkpoint,
  formats: Uint8Array = new Uint8Array(),
  rows: boolean = false,
): Layout {
  const plans: Plan[] = [];
  const requests: WeightRequest[] = [];
  const add = (plan: Plan): void => {
    plans.push(plan);
    requests.push(...weight_requests(plan));
  };
  const next = (prefixed: boolean) => ({
    ...(plans.at(-1)?.next ?? { shard: 0, offset: 0 }),
    prefixed,
    formats: formats.subarray(requests.length),
  });
  const { text, vision, projection_dim } = parts;

  const whole = projection_dim !== undefined;
  const text_place = next(whole || is_prefixed(checkpoint, 'text'));
  const pooler = has_pooler(checkpoint, text_place.prefixed) && parts.add_pooling_layer !== false;
  const text_parts = { pooler, projection_dim: projection_dim ?? 0, rows };
  if (text) {
    const call = { sequences: 1, length: 1, tokens: 1, inputs_embeds: false, features: false };
    const wanted = { last_hidden_state: false, hidden_states: false, attentions: false };
    add(recorder.text(text, text_parts, text_place, { ...call, ...wanted }));
  }
  const vision_place = next(whole || is_prefixed(checkpoint, 'vision'));
  if (vision) {
    const side = smallest_side(vision);
    const call = { batch: 1, height: side, width: side, last_hidden_state: false, hidden_states: false };
    add(recorder.vision(vision, vision_place, call));
  }
  const head_place = next(false);
  if (projection_dim !== undefined) add(recorder.align(projection_dim, head_place, 1, 0));

  const places = { text: text_place, text_parts, vision: vision_place, head: head_place };
  return {
    recorder,
    places,
    requests,
    weight_bytes: plans.reduce((bytes, plan) => bytes + plan.weight_bytes, 0),
    words: null,
    towers: (executor, words = null) => make_towers(recorder, parts, places, executor, words),
  };
}

/** The towers and the head of `parts`, whose weights an executor holds at `places`. */
export function make_towers(
  recorder: Recorder,
  { text, vision, projection_dim }: Parts,
  places: Places,
  executor: Executor,
  words: WordRows | null,
): Towers {
  return {
    text: text ? new TextTower(text, executor, recorder, places.text, places.text_parts, words) : null,
    vision: vision ? new VisionTower(vision, executor, recorder, places.vision) : null,
    head: projection_dim === undefined ? null : new Head(projection_dim, executor, recorder, places.head),
  };
}

/** Tokens of a usual text. */
export function usual_tokens(config: AlignTextConfig): number {
  return Math.min(64, config.max_position_embeddings);
}

/** The plans of the usual calls, one text and one picture: what to make ready for. Sizes default to the usual ones. */
export function usual_plans(
  { text, vision, head }: Towers,
  tokens?: number,
  picture?: readonly [height: number, width: number],
): Plan[] {
  const plans: Plan[] = [];
  if (text) {
    const length = tokens ?? usual_tokens(text.config);
    plans.push(text.plan(1, length, length, head ? { features: true } : { last_hidden_state: true }));
  }
  if (vision) plans.push(vision.plan(1, ...(picture ?? image_size(vision.config)), {}));
  if (head) plans.push(head.plan(text ? 1 : 0, vision ? 1 : 0));
  return plans;
}

/** Height and width of the pictures that a tower was made for. */
export function image_size({ image_size: size }: AlignVisionConfig): [number, number] {
  return typeof size === 'number' ? [size, size] : [size[0]!, size[1]!];
}

/** A picture size that every map survives: weights do not depend on it. */
export function smallest_side(config: AlignVisionConfig): number {
  const halvings = config.strides.filter((stride) => stride === 2).length + 1;
  return 2 ** halvings;
}
