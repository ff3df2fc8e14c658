// Checks of what a processor is given: a model's folder, texts on the way in, ids on the way back.

import { AlignError, show } from '../errors.ts';
import { checked_array, Tensor } from '../tensor.ts';

/** Ids of one text. */
export type Ids = ArrayLike<number | bigint>;

/** Texts and their partners as lists of equal length. An empty partner of a single text is none, as in transformers. */
export function check_texts(
  text: string | readonly string[],
  text_pair: string | readonly string[] | null | undefined,
): [readonly string[], readonly string[] | null] {
  const texts = text_list('text', text);
  if (text_pair === undefined || text_pair === null || (typeof text === 'string' && text_pair === ''))
    return [texts, null];
  const pairs = text_list('text_pair', text_pair);
  if (typeof text !== typeof text_pair || texts.length !== pairs.length)
    throw new AlignError(
      'invalid_argument',
      `text has ${texts.length} items, text_pair has ${pairs.length}; both must be one text, or lists of one length`,
    );
  return [texts, pairs];
}

function text_list(name: string, value: string | readonly string[]): readonly string[] {
  const list: readonly unknown[] | null =
    typeof value === 'string' ? [value] : Array.isArray(value) ? value : null;
  if (list === null)
    throw new AlignError('invalid_argument', `${name} must be a text or a list of texts, not ${show(value)}`);
  if (list.length === 0) throw new AlignError('invalid_argument', `${name} is an empty list`);
  const bad = list.findIndex((item) => typeof item !== 'string');
  if (bad >= 0)
    throw new AlignError('invalid_argument', `${name}[${bad}] must be a text, not ${show(list[bad])}`);
  return list as readonly string[];
}

/** An id as a number. */
export function checked_id(id: unknown): number {
  const value = typeof id === 'bigint' ? Number(id) : id;
  if (!(Number.isSafeInteger(value) && (value as number) >= 0))
    throw new AlignError('invalid_argument', `${show(id)} is not a token id`);
  return value as number;
}

/** The rows of a tensor [rows, length], or of a list. */
export function rows_of(sequences: Tensor | readonly Ids[]): readonly Ids[] {
  if (!(sequences instanceof Tensor)) return Array.from(checked_array('sequences', sequences));
  const [rows, length] = sequences.dims;
  if (sequences.dims.length !== 2)
    throw new AlignError(
      'invalid_argument',
      `batch_decode takes [rows, length], the tensor is ${show(sequences.dims)}`,
    );
  return Array.from({ length: rows! }, (_, i) => sequences.data.subarray(i * length!, (i + 1) * length!));
}
