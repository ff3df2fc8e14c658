// Asks the recorder instance of align.wasm for plans. Its memory holds no model: every recording is copied out and the
// module's heap reset. Plans are kept, the 16 used last, under everything that changes their records.

import type { AlignTextConfig, AlignVisionConfig, Activation as ActivationName } from '../config.ts';
import { AlignError } from '../errors.ts';
import type { Instance } from '../wasm/module.ts';
import {
  Activation,
  AlignConfig,
  Placement as PlacementStruct,
  Pooling,
  TextConfig,
  VisionConfig,
} from './layout.ts';
import { read_plan, type Plan } from './plan.ts';
import { write_struct } from './struct.ts';

/** Plans kept; a plan of align-base takes about 0.3 MB. */
const KEPT = 16;

/** transformers' parameter-free ACT2FN names and the functions behind them. */
const ACTIVATIONS: Readonly<Record<ActivationName, number>> = {
  gelu: Activation.Gelu,
  gelu_10: Activation.Gelu10,
  gelu_accurate: Activation.GeluTanh,
  gelu_fast: Activation.GeluTanh,
  gelu_new: Activation.GeluTanh,
  gelu_python: Activation.Gelu,
  gelu_python_tanh: Activation.GeluTanh,
  gelu_pytorch_tanh: Activation.GeluTanh,
  hardswish: Activation.Hardswish,
  laplace: Activation.Laplace,
  leaky_relu: Activation.LeakyRelu,
  linear: Activation.Linear,
  mish: Activation.Mish,
  quick_gelu: Activation.QuickGelu,
  relu: Activation.Relu,
  relu2: Activation.Relu2,
  relu6: Activation.Relu6,
  sigmoid: Activation.Sigmoid,
  silu: Activation.Silu,
  sqrtsoftplus: Activation.SqrtSoftplus,
  swish: Activation.Silu,
  tanh: Activation.Tanh,
};

/** Where a tower's weights begin, and whether its tensors carry the tower's prefix in the checkpoint. */
export interface Placement {
  readonly shard: number;
  readonly offset: number;
  readonly prefixed: boolean;
  /** The Format of each weight request in turn; fp32 where the list ends. */
  readonly formats?: Uint8Array;
}

/** A call of the vision tower. */
export interface VisionCall {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly last_hidden_state: boolean;
  readonly hidden_states: boolean;
}

/** A call of the text tower. */
export interface TextCall {
  readonly sequences: number;
  /** The longest sequence. */
  readonly length: number;
  /** Rows of all sequences together, at least their sum. */
  readonly tokens: number;
  readonly inputs_embeds: boolean;
  readonly features: boolean;
  readonly last_hidden_state: boolean;
  readonly hidden_states: boolean;
  readonly attentions: boolean;
}

/** What of the text tower is not in its config: the checkpoint's pooler, and the projection beside it (0: none). */
export interface TextParts {
  readonly pooler: boolean;
  readonly projection_dim: number;
  /** The word table stays out: whatever a call says, inputs_embeds are what is written. */
  readonly rows?: boolean;
}

/** What the executor of the plans can do. */
export interface RecorderOptions {
  /** Into how many parts it may split an op: scratch memory has a slot for each. */
  readonly parts?: number;
  /** Bytes of the largest weight shard that it can bind. */
  readonly shard_limit?: number;
  /** Whether it runs ops that are two in one. */
  readonly fuse?: boolean;
}

export class Recorder {
  readonly #instance: Instance;
  readonly options: Required<RecorderOptions>;
  readonly #plans = new Map<string, Plan>();

  constructor(instance: Instance, { parts = 1, shard_limit = 2 ** 32, fuse = true }: RecorderOptions = {}) {
    this.#instance = instance;
    this.options = { parts, shard_limit, fuse };
  }

  vision(config: AlignVisionConfig, placement: Placement, call: VisionCall): Plan {
    return this.#plan(`vision ${key(call)}`, () => {
      const c = config;
      return this.#record('record_vision', VisionConfig, placement, {
        width_coefficient: c.width_coefficient,
        depth_coefficient: c.depth_coefficient,
        squeeze_expansion_ratio: c.squeeze_expansion_ratio,
        batch_norm_eps: c.batch_norm_eps,
        num_channels: c.num_channels,
        depth_divisor: c.depth_divisor,
        hidden_dim: c.hidden_dim,
        hidden_act: ACTIVATIONS[c.hidden_act],
        pooling_type: c.pooling_type === 'max' ? Pooling.Max : Pooling.Mean,
        stages: c.in_channels.length,
        kernel_sizes: this.#list(c.kernel_sizes),
        in_channels: this.#list(c.in_channels),
        out_channels: this.#list(c.out_channels),
        strides: this.#list(c.strides),
        num_block_repeats: this.#list(c.num_block_repeats),
        expand_ratios: this.#list(c.expand_ratios),
        depthwise_padding: this.#list(c.depthwise_padding),
        depthwise_paddings: c.depthwise_padding.length,
        fuse: Number(this.options.fuse),
        batch: call.batch,
        height: call.height,
        width: call.width,
        last_hidden_state: Number(call.last_hidden_state || call.hidden_states),
        hidden_states: Number(call.hidden_states),
      });
    });
  }

  text(config: AlignTextConfig, parts: TextParts, placement: Placement, call: TextCall): Plan {
    return this.#plan(`text ${key(call)}`, () => {
      const c = config;
      return this.#record('record_text', TextConfig, placement, {
        layer_norm_eps: c.layer_norm_eps,
        vocab_size: c.vocab_size,
        hidden_size: c.hidden_size,
        num_hidden_layers: c.num_hidden_layers,
        num_attention_heads: c.num_attention_heads,
        intermediate_size: c.intermediate_size,
        hidden_act: ACTIVATIONS[c.hidden_act],
        max_position_embeddings: c.max_position_embeddings,
        type_vocab_size: c.type_vocab_size,
        pooler: Number(parts.pooler),
        projection_dim: parts.projection_dim,
        sequences: call.sequences,
        length: call.length,
        tokens: call.tokens,
        inputs_embeds: parts.rows ? 2 : Number(call.inputs_embeds),
        features: Number(call.features),
        last_hidden_state: Number(call.last_hidden_state || call.hidden_states),
        hidden_states: Number(call.hidden_states),
        attentions: Number(call.attentions),
      });
    });
  }

  /** The head over both towers' features, or with `unit` over their embeddings. */
  align(projection_dim: number, placement: Placement, texts: number, images: number, unit = false): Plan {
    return this.#plan(`align ${texts} ${images} ${unit}`, () =>
      this.#record('record_align', AlignConfig, placement, {
        projection_dim,
        texts,
        images,
        unit: Number(unit),
      }),
    );
  }

  #plan(name: string, record: () => Plan): Plan {
    const known = this.#plans.get(name);
    const plan = known ?? record();
    this.#plans.delete(name); // to the end: the one used last
    this.#plans.set(name, plan);
    if (this.#plans.size > KEPT) this.#plans.delete(this.#plans.keys().next().value!);
    return plan;
  }

  #record<S extends typeof VisionConfig | typeof TextConfig | typeof AlignConfig>(
    how: 'record_vision' | 'record_text' | 'record_align',
    struct: S,
    placement: Placement,
    values: Partial<Record<Extract<keyof S['fields'], string>, number>>,
  ): Plan {
    const { exports } = this.#instance;
    try {
      const formats = placement.formats ?? new Uint8Array();
      const formats_at = this.#place(formats);
      const config = exports.allocate(struct.size);
      const { buffer } = this.#instance.memory;
      write_struct(buffer, config, struct, values);
      write_struct(buffer, config, PlacementStruct, {
        shard_limit: this.options.shard_limit,
        shard: placement.shard,
        offset: placement.offset,
        prefixed: Number(placement.prefixed),
        parts: this.options.parts,
        formats: formats_at,
        formats_count: formats.length,
      });
      const recording = exports[how](config); // memory may grow here
      return read_plan(this.#instance.memory.buffer, recording);
    } catch (cause) {
      if (cause instanceof AlignError) throw cause;
      throw new AlignError('out_of_memory', 'The model is too large to plan', { cause });
    } finally {
      exports.reset_recorder();
    }
  }

  #list(values: readonly number[]): number {
    return this.#place(new Uint8Array(Int32Array.from(values).buffer));
  }

  #place(bytes: Uint8Array): number {
    const at = this.#instance.exports.allocate(Math.max(bytes.length, 1));
    this.#instance.bytes(at, bytes.length).set(bytes);
    return at;
  }
}

function key(call: object): string {
  return Object.values(call).map(Number).join(' ');
}
