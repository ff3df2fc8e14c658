// Checks what a caller hands to a model, and brings it into the form that plans take. Inside, nothing is checked again.

import type { AlignTextConfig, AlignVisionConfig } from './config.ts';
import { AlignError, show } from './errors.ts';
import { Tensor } from './tensor.ts';

/** Inputs of the text tower, as AlignTextModel.forward takes them. */
export interface TextInputs {
  /** [batch, length], integers below vocab_size. */
  input_ids?: Tensor | null | undefined;
  /** [batch, length]; zero: a position that nobody attends to. Default: all ones. */
  attention_mask?: Tensor | null | undefined;
  /** [batch, length] or [1, length]. Default: zeros. */
  token_type_ids?: Tensor | null | undefined;
  /** [batch, length] or [1, length]. Default: 0 … length − 1, whatever the mask. */
  position_ids?: Tensor | null | undefined;
  /** [batch, length, hidden_size] in place of input_ids. */
  inputs_embeds?: Tensor | null | undefined;
}

/** Inputs of the vision tower. */
export interface VisionInputs {
  /** [batch, num_channels, height, width]. */
  pixel_values?: Tensor | null | undefined;
}

/** What more than the default a forward gives. */
export interface TapInputs {
  output_hidden_states?: boolean | null | undefined;
  output_attentions?: boolean | null | undefined;
}

/** The taps that a call asks for, as plans name them. */
export function read_taps(inputs: TapInputs): { hidden_states: boolean; attentions: boolean } {
  return {
    hidden_states: Boolean(inputs.output_hidden_states),
    attentions: Boolean(inputs.output_attentions),
  };
}

/** Text inputs in full: every array has batch · length elements, row-major. */
export interface TextBatch {
  readonly batch: number;
  readonly length: number;
  readonly ids: Int32Array | null;
  readonly embeds: Float32Array | null;
  readonly types: Int32Array;
  readonly positions: Int32Array;
  readonly mask: Int32Array;
}

/** Pictures [batch, num_channels, height, width]. */
export interface VisionBatch {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly pixels: Float32Array;
}

/** @throws AlignError `invalid_argument`, `out_of_vocabulary`, `too_many_tokens` */
export function read_text_inputs(inputs: TextInputs, config: AlignTextConfig): TextBatch {
  check_inputs(inputs, 'input_ids');
  const { input_ids, inputs_embeds } = inputs;
  const ids = input_ids ?? null;
  const embeds = inputs_embeds ?? null;
  if ((ids === null) === (embeds === null)) {
    throw invalid(
      ids === null ? 'Neither input_ids nor inputs_embeds given' : 'Both input_ids and inputs_embeds given',
      {
        hint: 'give one of the two',
      },
    );
  }
  if (ids !== null) check_tensor('input_ids', ids, '[batch, length]', 2);
  if (embeds !== null)
    check_tensor('inputs_embeds', embeds, `[batch, length, ${config.hidden_size}]`, 3, 2, config.hidden_size);
  const [batch, length] = (ids ?? embeds!).dims as [number, number];
  if (batch === 0 || length === 0) throw invalid(`The text inputs are empty: ${show((ids ?? embeds!).dims)}`);

  if (inputs.position_ids == null && length > config.max_position_embeddings) {
    throw new AlignError(
      'too_many_tokens',
      `${length} tokens, the model has ${config.max_position_embeddings} positions`,
      {
        detail: { tokens: length, max_position_embeddings: config.max_position_embeddings },
        hint: 'pass truncation: true and max_length to the processor',
      },
    );
  }
  const rows = (
    name: string,
    tensor: Tensor | null | undefined,
    limit: number,
    initial: (i: number) => number,
  ): Int32Array => {
    if (tensor == null) return Int32Array.from({ length: batch * length }, (_, i) => initial(i % length));
    check_tensor(name, tensor, `[${batch}, ${length}]`, 2, 1, length);
    if (tensor.dims[0] !== batch && tensor.dims[0] !== 1)
      throw wrong_shape(name, tensor, `[${batch}, ${length}] or [1, ${length}]`);
    return broadcast(integers(name, tensor, limit), batch * length);
  };
  return {
    batch,
    length,
    ids: ids === null ? null : integers('input_ids', ids, config.vocab_size),
    embeds: embeds === null ? null : floats('inputs_embeds', embeds),
    types: rows('token_type_ids', inputs.token_type_ids, config.type_vocab_size, () => 0),
    positions: rows('position_ids', inputs.position_ids, config.max_position_embeddings, (i) => i),
    mask: read_mask(inputs.attention_mask, batch, length),
  };
}

/** @throws AlignError `invalid_argument` */
export function read_vision_inputs(inputs: VisionInputs, config: AlignVisionConfig): VisionBatch {
  check_inputs(inputs, 'pixel_values');
  const pixels = inputs.pixel_values;
  const shape = `[batch, ${config.num_channels}, height, width]`;
  if (pixels == null) throw invalid('No pixel_values given', { hint: `a float32 Tensor ${shape}` });
  check_tensor('pixel_values', pixels, shape, 4, 1, config.num_channels);
  const [batch, , height, width] = pixels.dims as [number, number, number, number];
  if (pixels.size === 0) throw invalid(`pixel_values is empty: ${show(pixels.dims)}`);
  return { batch, height, width, pixels: floats('pixel_values', pixels) };
}

function read_mask(mask: Tensor | null | undefined, batch: number, length: number): Int32Array {
  if (mask == null) return new Int32Array(batch * length).fill(1);
  check_tensor('attention_mask', mask, `[${batch}, ${length}]`, 2, 1, length);
  if (mask.dims[0] !== batch) throw wrong_shape('attention_mask', mask, `[${batch}, ${length}]`);
  return Int32Array.from(mask.data as ArrayLike<number | bigint>, (v) => Number(Number(v) !== 0));
}

function check_inputs(inputs: unknown, name: string): void {
  if (typeof inputs !== 'object' || inputs === null)
    throw invalid(`The inputs must be an object with ${name}, not ${show(inputs)}`);
}

function is_tensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}

/** A tensor of `rank` dimensions, of which dimension `axis` is `size`. */
function check_tensor(
  name: string,
  value: unknown,
  shape: string,
  rank: number,
  axis?: number,
  size?: number,
): asserts value is Tensor {
  if (!is_tensor(value)) throw invalid(`${name} must be a Tensor, not ${show(value)}`);
  if (value.dims.length !== rank || (axis !== undefined && value.dims[axis] !== size))
    throw wrong_shape(name, value, shape);
}

/** @throws AlignError `invalid_argument` unless it is a float32 Tensor [rows, width] */
export function check_floats(name: string, value: unknown, width: number): void {
  check_tensor(name, value, `[rows, ${width}]`, 2, 1, width);
  if (!(value.data instanceof Float32Array)) throw invalid(`${name} must be float32, not ${value.type}`);
}

/** Elements as 32-bit integers, each checked to be in 0 … limit − 1. */
function integers(name: string, tensor: Tensor, limit: number): Int32Array {
  const out = new Int32Array(tensor.size);
  for (let i = 0; i < out.length; i++) {
    const value = Number(tensor.data[i]);
    if (!(Number.isInteger(value) && value >= 0 && value < limit)) {
      const length = tensor.dims[1]!;
      const place = `${name}[${Math.floor(i / length)}, ${i % length}]`;
      throw new AlignError(
        name === 'input_ids' ? 'out_of_vocabulary' : 'invalid_argument',
        `${place} is ${show(value)}, allowed are 0 to ${limit - 1}`,
        {
          detail: { input: name, index: i, value, limit },
          hint:
            name === 'input_ids'
              ? 'the tokenizer and the model must belong together'
              : 'see the model config',
        },
      );
    }
    out[i] = value;
  }
  return out;
}

function floats(name: string, tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  if (tensor.data instanceof Float64Array) return Float32Array.from(tensor.data);
  throw invalid(`${name} must be float32, not ${tensor.type}`);
}

function broadcast(row: Int32Array, size: number): Int32Array {
  if (row.length === size) return row;
  const out = new Int32Array(size);
  for (let i = 0; i < size; i += row.length) out.set(row, i);
  return out;
}

function wrong_shape(name: string, tensor: Tensor, shape: string): AlignError {
  return invalid(`${name} must be ${shape}, not ${show(tensor.dims)}`, {
    detail: { input: name, dims: tensor.dims },
  });
}

function invalid(
  message: string,
  options: { detail?: Record<string, unknown>; hint?: string } = {},
): AlignError {
  return new AlignError('invalid_argument', message, options);
}
