// One query out of several texts, pictures and embeddings: "this picture, but not red".

import { AlignError, show, tag_of } from './errors.ts';
import type { ImageInput } from './image.ts';
import { check_options, checked_list, type Rules } from './options.ts';
import { dot } from './scores.ts';

/** One part of {@link Align.mix}: exactly one of text, image and embedding, with its weight (default 1, may be negative). */
export interface MixPart {
  text?: string | undefined;
  image?: ImageInput | undefined;
  embedding?: ArrayLike<number> | undefined;
  weight?: number | undefined;
}

const PART_RULES: Rules<MixPart> = {
  text: { expects: 'a text', accepts: (value) => typeof value === 'string' },
  image: { expects: 'a picture', accepts: (value) => value !== null },
  embedding: {
    expects: 'an array of numbers',
    accepts: (value) => Array.isArray(value) || ['Float32Array', 'Float64Array'].includes(tag_of(value)),
  },
  weight: {
    expects: 'a number of magnitude 1e-100 to 1e100, or 0',
    // The squares of others leave a double's range.
    accepts: (value) =>
      value === 0 || (typeof value === 'number' && Math.abs(value) >= 1e-100 && Math.abs(value) <= 1e100),
  },
};

// A sum this much shorter than its parts is what rounding left of parts that cancel out: it points nowhere.
const SHORTEST = 1e-6;

/** A copy of the parts, once each holds exactly one source. @throws AlignError `invalid_argument` */
export function checked_parts(given: readonly MixPart[]): readonly MixPart[] {
  return checked_list('mix: parts', given).map((one, i) => {
    const what = `mix: parts[${i}]`;
    if ((one as unknown) === undefined) throw new AlignError('invalid_argument', `${what} is undefined`);
    const part = check_options(what, one, PART_RULES);
    const { text, image, embedding } = part;
    const sources = [text, image, embedding].filter((source) => source !== undefined).length;
    if (sources !== 1)
      throw new AlignError(
        'invalid_argument',
        `${what} has ${sources} of text, image and embedding; it needs exactly one`,
      );
    return part;
  });
}

/**
 * The sum of weights[i] · vectors[i] / |vectors[i]| brought to length 1, summed in double in the order of the parts.
 * @throws AlignError `invalid_argument` for a vector of another width, without a length, or when the sum has none
 */
export function weighted_sum(
  vectors: readonly ArrayLike<number>[],
  weights: readonly number[],
  width: number,
): Float32Array {
  const sum = new Float64Array(width);
  let longest = 0;
  vectors.forEach((vector, i) => {
    if (vector.length !== width)
      throw new AlignError(
        'invalid_argument',
        `mix: parts[${i}] has ${vector.length} values, the model's embeddings have ${width}`,
      );
    const length = Math.sqrt(dot(vector, vector));
    if (!(length > 0 && length < Infinity))
      throw new AlignError(
        'invalid_argument',
        `mix: parts[${i}] has length ${show(length)}, so it has no direction`,
      );
    const weight = weights[i]!;
    for (let j = 0; j < width; j++) sum[j]! += (weight * vector[j]!) / length;
    longest += Math.abs(weight);
  });
  const length = Math.sqrt(dot(sum, sum));
  if (!(length > SHORTEST * longest))
    throw new AlignError(
      'invalid_argument',
      `mix: the ${vectors.length} parts cancel out: nothing is left to search for`,
      {
        hint: 'change a weight',
      },
    );
  return Float32Array.from(sum, (v) => v / length);
}
