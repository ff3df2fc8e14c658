// A tower on an executor: picks the plan for a call, splits batches that do not fit, puts the parts together again.

import { run_batches, single_run, type Batches, type Step, type TowerOptions } from './batches.ts';
import type { AlignTextConfig, AlignVisionConfig } from './config.ts';
import { AlignError } from './errors.ts';
import type { Executor, Inputs, Outputs, RunOptions } from './executor.ts';
import type { TextBatch, VisionBatch } from './inputs.ts';
import type { Plan } from './plan/plan.ts';
import type { Placement, Recorder, TextParts } from './plan/recorder.ts';
import type { Tensor } from './tensor.ts';
import type { WordRows } from './word_rows.ts';

/** What a tower is asked for. */
export interface Wanted {
  /** Text: the projected [CLS] rows. The vision tower's features are its pooler_output. */
  readonly features?: boolean;
  readonly last_hidden_state?: boolean;
  readonly hidden_states?: boolean;
  readonly attentions?: boolean;
}

/** Outputs by name, as the executor gives them, for the whole batch. */
export type TowerOutputs = Outputs;

/** Lengths are rounded up to this: they size nothing but scratch. */
const ROUND_LENGTH = 16;

export class VisionTower {
  constructor(
    readonly config: AlignVisionConfig,
    private readonly executor: Executor,
    private readonly recorder: Recorder,
    private readonly placement: Placement,
  ) {}

  run(batch: VisionBatch, wanted: Wanted, options: TowerOptions): Promise<TowerOutputs> {
    return run_batches(this.executor, this.#batches(batch, wanted), options);
  }

  /** The one run of a call, or null where it takes several. */
  step(batch: VisionBatch, wanted: Wanted, options: TowerOptions): Step | null {
    return single_run(this.executor, this.#batches(batch, wanted), options);
  }

  #batches(batch: VisionBatch, wanted: Wanted): Batches {
    const size = batch.pixels.length / batch.batch;
    return {
      total: batch.batch,
      plan: (_, count) => this.plan(count, batch.height, batch.width, wanted),
      inputs: (first, count) => ({
        pixel_values: batch.pixels.subarray(first * size, (first + count) * size),
      }),
    };
  }

  plan(batch: number, height: number, width: number, wanted: Wanted = {}): Plan {
    return this.recorder.vision(this.config, this.placement, {
      batch,
      height,
      width,
      last_hidden_state: wanted.last_hidden_state ?? false,
      hidden_states: wanted.hidden_states ?? false,
    });
  }
}

export class TextTower {
  constructor(
    readonly config: AlignTextConfig,
    private readonly executor: Executor,
    private readonly recorder: Recorder,
    private readonly placement: Placement,
    private readonly parts: TextParts,
    /** The word table, where it is not among the weights. */
    private readonly words: WordRows | null = null,
  ) {}

  run(batch: TextBatch, wanted: Wanted, options: TowerOptions): Promise<TowerOutputs> {
    return run_batches(this.executor, this.#batches(batch, wanted, options), options);
  }

  /** The one run of a call, or null where it takes several. */
  step(batch: TextBatch, wanted: Wanted, options: TowerOptions): Step | null {
    return single_run(this.executor, this.#batches(batch, wanted, options), options);
  }

  #batches(batch: TextBatch, wanted: Wanted, { signal }: TowerOptions): Batches {
    const features_only = !wanted.last_hidden_state && !wanted.hidden_states && !wanted.attentions;
    const lengths = Array.from({ length: batch.batch }, (_, i) =>
      features_only ? used_length(batch, i) : batch.length,
    );
    return {
      total: batch.batch,
      plan: (first, count) => {
        const own = lengths.slice(first, first + count);
        const length = features_only ? round_up(Math.max(...own), ROUND_LENGTH) : batch.length;
        const tokens = features_only ? round_tokens(sum(own)) : sum(own);
        return this.plan(count, length, tokens, wanted, batch.embeds !== null);
      },
      inputs: (first, count, plan) => this.inputs(batch, lengths, first, count, plan, signal),
    };
  }

  plan(sequences: number, length: number, tokens: number, wanted: Wanted, inputs_embeds = false): Plan {
    return this.recorder.text(this.config, this.parts, this.placement, {
      sequences,
      length,
      tokens,
      inputs_embeds: inputs_embeds || this.words !== null,
      features: wanted.features ?? false,
      last_hidden_state: wanted.last_hidden_state ?? false,
      hidden_states: wanted.hidden_states ?? false,
      attentions: wanted.attentions ?? false,
    });
  }

  /** Frees what is held beside the weights. */
  close(): void {
    this.words?.close();
  }

  /** Packs the first `lengths[i]` tokens of each sequence one after another; rows behind them are tokens of id 0. */
  private async inputs(
    batch: TextBatch,
    lengths: readonly number[],
    first: number,
    count: number,
    plan: Plan,
    signal: AbortSignal | undefined,
  ): Promise<Inputs> {
    const rows = plan.inputs.get('attention_mask')!.c;
    const starts = new Int32Array(count + 1);
    const pack = (values: Int32Array): Int32Array => {
      const out = new Int32Array(rows);
      for (let i = 0; i < count; i++) {
        const from = (first + i) * batch.length;
        out.set(values.subarray(from, from + lengths[first + i]!), starts[i]);
      }
      return out;
    };
    for (let i = 0; i < count; i++) starts[i + 1] = starts[i]! + lengths[first + i]!;
    const inputs = {
      starts,
      attention_mask: pack(batch.mask),
      token_type_ids: pack(batch.types),
      position_ids: pack(batch.positions),
    };
    if (batch.ids !== null && this.words === null) return { ...inputs, input_ids: pack(batch.ids) };
    const { n, c } = plan.inputs.get('inputs_embeds')!;
    const embeds = new Float32Array(n * c);
    if (batch.ids !== null) {
      // Rows that only round the tokens up are nobody's words: zeros serve as well.
      await this.words!.gather(pack(batch.ids).subarray(0, starts[count]), embeds, signal);
      return { ...inputs, inputs_embeds: embeds };
    }
    for (let i = 0; i < count; i++) {
      const from = (first + i) * batch.length * c;
      embeds.set(batch.embeds!.subarray(from, from + lengths[first + i]! * c), starts[i]! * c);
    }
    return { ...inputs, inputs_embeds: embeds };
  }
}

/** Tokens up to the last that somebody attends to; all of them where there is none (attention is then uniform). */
function used_length({ mask, length }: TextBatch, i: number): number {
  const last = mask.subarray(i * length, (i + 1) * length).lastIndexOf(1);
  return last < 0 ? length : last + 1;
}

/** Rounds packed rows up so that few plans serve all, by less than 1 in 32: rows cost time. At least to whole tiles of two. */
function round_tokens(tokens: number): number {
  let step = 2;
  while (step * 64 <= tokens) step *= 2;
  return round_up(tokens, step);
}

function round_up(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** The head: unit vectors of features, and logits where both sides are given. */
export class Head {
  constructor(
    private readonly projection_dim: number,
    private readonly executor: Executor,
    private readonly recorder: Recorder,
    private readonly placement: Placement,
  ) {}

  /** `text` and `image` are features [rows, projection_dim], with `unit` embeddings; one of them may be absent. */
  run(
    text: Tensor<'float32'> | null,
    image: Tensor<'float32'> | null,
    options: RunOptions,
    unit = false,
  ): Promise<Outputs> {
    const plan = this.plan(text?.dims[0] ?? 0, image?.dims[0] ?? 0, unit);
    const inputs = {
      ...(text && { text_features: text.data }),
      ...(image && { image_features: image.data }),
    };
    return this.executor.run(plan, inputs, options);
  }

  plan(texts: number, images: number, unit = false): Plan {
    if (texts + images === 0) throw new AlignError('invalid_argument', 'No features given');
    return this.recorder.align(this.projection_dim, this.placement, texts, images, unit);
  }
}
