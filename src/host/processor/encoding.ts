// From the ids of texts to the rows of a batch: truncation, special tokens, padding. transformers names the strategies,
// tokenizers carries them out.

import { AlignError, show } from '../errors.ts';
import { flag, one_of, positive_integer, type Rules } from '../options.ts';
import { Tensor } from '../tensor.ts';
import type { TemplatePart, Templates } from './template.ts';

/** Arguments of a tokenizer's call, named as in transformers. */
export interface EncodeOptions {
  /** [CLS] and [SEP]. Default true. */
  add_special_tokens?: boolean | undefined;
  /** true is 'longest' (of the batch); false, the default, is 'do_not_pad'. */
  padding?: boolean | 'longest' | 'max_length' | 'do_not_pad' | undefined;
  /** true is 'longest_first'. Absent, `max_length` without padding truncates. */
  truncation?: boolean | 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate' | undefined;
  /** Default (and null): the model's, where 'max_length' or truncation needs one. */
  max_length?: number | null | undefined;
  pad_to_multiple_of?: number | undefined;
  padding_side?: 'left' | 'right' | undefined;
  /** Default true, unless the tokenizer's files leave the name out of `model_input_names`. */
  return_token_type_ids?: boolean | undefined;
  return_attention_mask?: boolean | undefined;
}

/** How each option is checked. */
export const ENCODE_RULES: Rules<EncodeOptions> = {
  add_special_tokens: flag,
  padding: {
    expects: 'true, false, "longest", "max_length" or "do_not_pad"',
    accepts: (value) =>
      typeof value === 'boolean' || one_of('longest', 'max_length', 'do_not_pad').accepts(value),
  },
  truncation: {
    expects: 'true, false, "longest_first", "only_first", "only_second" or "do_not_truncate"',
    accepts: (value) =>
      typeof value === 'boolean' ||
      one_of('longest_first', 'only_first', 'only_second', 'do_not_truncate').accepts(value),
  },
  max_length: {
    expects: 'an integer of at least 0, or null',
    accepts: (value) =>
      value === null ||
      (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31),
  },
  pad_to_multiple_of: positive_integer,
  padding_side: one_of('left', 'right'),
  return_token_type_ids: flag,
  return_attention_mask: flag,
};

/** What the options come to. `max_length` counts where one of the two needs it. */
export interface Strategies {
  readonly padding: 'longest' | 'max_length' | 'do_not_pad';
  readonly truncation: 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  readonly max_length: number;
}

/** transformers' LARGE_INTEGER: a model that states no length has a larger one. */
const NO_LENGTH = 1e20;
/** Tokens that padding fills a row up to: a number in a file must not take gigabytes. */
const MAX_PADDED: number = 2 ** 16;

/** What true, false and nothing stand for. */
function named<On extends string, Off extends string, T extends string>(
  value: T | boolean | undefined,
  on: On,
  off: Off,
): T | On | Off {
  return value === true ? on : value === false ? off : (value ?? off);
}

/** transformers' `_get_padding_truncation_strategies`. */
export function strategies_of(options: EncodeOptions, model_max_length: number): Strategies {
  let max_length = options.max_length ?? undefined;
  let padding = named(options.padding, 'longest', 'do_not_pad');
  let truncation = named(options.truncation, 'longest_first', 'do_not_truncate');
  const unpadded = options.padding === undefined || options.padding === false;
  if (max_length !== undefined && unpadded && options.truncation === undefined) truncation = 'longest_first';
  if (max_length === undefined && model_max_length > NO_LENGTH) {
    if (padding === 'max_length') padding = 'do_not_pad';
    truncation = 'do_not_truncate';
  }
  max_length ??= model_max_length;
  const { pad_to_multiple_of } = options;
  const both = truncation !== 'do_not_truncate' && padding !== 'do_not_pad';
  if (both && pad_to_multiple_of !== undefined && max_length % pad_to_multiple_of !== 0)
    throw new AlignError(
      'invalid_argument',
      `max_length ${max_length} is not a multiple of pad_to_multiple_of ${pad_to_multiple_of}`,
    );
  return { padding, truncation, max_length };
}

/** Ids of one text, or of two that go into one row. */
export interface Texts {
  readonly a: Uint32Array;
  readonly b: Uint32Array | null;
}

/** Shortens a row's texts so that they and `special` further tokens fit. A limit below `special` truncates nothing, as in tokenizers. */
export function truncate(
  { a, b }: Texts,
  { truncation, max_length }: Strategies,
  special: number,
  side: 'left' | 'right',
): Texts {
  const limit = max_length - special;
  const excess = a.length + (b?.length ?? 0) - limit;
  if (truncation === 'do_not_truncate' || limit < 0 || excess <= 0) return { a, b };
  const keep = (ids: Uint32Array, n: number): Uint32Array =>
    side === 'right' ? ids.subarray(0, n) : ids.subarray(Math.max(0, ids.length - n));
  if (limit === 0) return { a: keep(a, 0), b: b && keep(b, 0) };
  if (truncation === 'longest_first') {
    if (b === null) return { a: keep(a, limit), b };
    // The longer text gives way until both are equal; then they share, the longer one with the odd token.
    const shorter = Math.min(a.length, b.length);
    let n1 = shorter;
    let n2 = shorter > limit ? shorter : Math.max(shorter, limit - shorter);
    if (n1 + n2 > limit) {
      n1 = Math.floor(limit / 2);
      n2 = n1 + (limit % 2);
    }
    return a.length > b.length ? { a: keep(a, n2), b: keep(b, n1) } : { a: keep(a, n1), b: keep(b, n2) };
  }
  const target = truncation === 'only_first' ? a : b;
  if (target === null)
    throw new AlignError('invalid_argument', 'truncation is "only_second", but there is no second text');
  if (target.length <= excess)
    throw new AlignError(
      'invalid_argument',
      `truncation is ${show(truncation)}: ${target.length} tokens cannot give up the ${excess} that max_length ${max_length} asks for`,
    );
  const shortened = keep(target, target.length - excess);
  return truncation === 'only_first' ? { a: shortened, b } : { a, b: shortened };
}

/** The template that a row of these texts takes, with or without special tokens. */
export function template_of(templates: Templates, pair: boolean, special: boolean): readonly TemplatePart[] {
  const parts = pair ? templates.pair : templates.single;
  return special ? parts : parts.filter((part) => 'sequence' in part);
}

/** Special tokens that a template adds. */
export function special_count(parts: readonly TemplatePart[]): number {
  return parts.reduce((sum, part) => sum + ('ids' in part ? part.ids.length : 0), 0);
}

/** One row before padding. */
export interface Row {
  readonly ids: Uint32Array;
  readonly type_ids: Uint8Array;
}

/** Texts and special tokens in the template's order. */
export function build_row(parts: readonly TemplatePart[], { a, b }: Texts): Row {
  const pieces = parts.map((part) => ('ids' in part ? part.ids : part.sequence === 'A' ? a : (b ?? [])));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const ids = new Uint32Array(length);
  const type_ids = new Uint8Array(length);
  let at = 0;
  for (const [i, piece] of pieces.entries()) {
    ids.set(piece, at);
    type_ids.fill(parts[i]!.type_id, at, at + piece.length);
    at += piece.length;
  }
  return { ids, type_ids };
}

/** The rows of a batch as tensors. All are [rows, length]. */
export interface Encoding {
  input_ids: Tensor<'int64'>;
  token_type_ids?: Tensor<'int64'>;
  attention_mask?: Tensor<'int64'>;
}

/** How rows are filled up. */
export interface Padding {
  readonly pad_id: number;
  readonly side: 'left' | 'right';
  readonly multiple: number;
}

/** Pads rows and stacks them. @throws AlignError `invalid_argument` where their lengths still differ. */
export function stack_rows(
  rows: readonly Row[],
  { padding, max_length }: Strategies,
  { pad_id, side, multiple }: Padding,
): Required<Encoding> {
  const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const wanted = padding === 'longest' ? longest : padding === 'max_length' ? max_length : 0;
  const filled = Math.ceil(wanted / multiple) * multiple;
  if (filled > MAX_PADDED && filled > 2 * longest)
    throw new AlignError(
      'invalid_argument',
      `Rows would be padded to ${filled} tokens, ${MAX_PADDED} are the most: max_length is ${max_length}, pad_to_multiple_of ${multiple}`,
      { detail: { max_length, pad_to_multiple_of: multiple } },
    );
  const length = Math.max(longest, filled);
  const short = rows.find(({ ids }) => Math.max(ids.length, filled) !== length);
  if (short !== undefined)
    throw new AlignError(
      'invalid_argument',
      `The texts give rows of ${Math.max(short.ids.length, filled)} and of ${length} tokens, which do not stack`,
      { hint: 'pass padding: true, or truncation: true with max_length' },
    );
  const size = rows.length * length;
  const tensors = [0, 1, 2].map(() => new BigInt64Array(size));
  // Every value is a small positive integer: its low word is all of it (WebAssembly hosts are little-endian).
  const [input_ids, type_ids, mask] = tensors.map((tensor) => new Uint32Array(tensor.buffer));
  if (pad_id !== 0) for (let i = 0; i < size; i++) input_ids![2 * i] = pad_id;
  for (const [i, row] of rows.entries()) {
    const count = row.ids.length;
    let at = 2 * (i * length + (side === 'left' ? length - count : 0));
    for (let j = 0; j < count; j++, at += 2) {
      input_ids![at] = row.ids[j]!;
      type_ids![at] = row.type_ids[j]!;
      mask![at] = 1;
    }
  }
  const dims = [rows.length, length];
  return {
    input_ids: new Tensor('int64', tensors[0]!, dims),
    token_type_ids: new Tensor('int64', tensors[1]!, dims),
    attention_mask: new Tensor('int64', tensors[2]!, dims),
  };
}
