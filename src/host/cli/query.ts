// What a search looks for: words and pictures, wanted and unwanted, as one embedding.

import type { Align } from '../align.ts';
import { AlignError } from '../errors.ts';
import type { MixPart } from '../mix.ts';
import { image_bytes } from '../processor/image_bytes.ts';
import type { Words } from './args.ts';
import { pictures_of } from './inputs.ts';
import { message_of, UsageError, type Io } from './io.ts';

/** One part of a query. */
export type QueryPart = { readonly name: string; readonly weight: number } & (
  { readonly text: string } | { readonly image: Uint8Array }
);

// Of "a X" minus "a Y" over all pairs of the example pictures, X stays first in 96 % with 0.5 (in 85 % with 1), and Y falls
// from rank 7 to 11.5 (12.5).
const MINUS_WEIGHT = 0.5;
// A query's weights may be anything that moves it, and nothing that drowns the rest.
const MAX_WEIGHT = 100;

/** The parts that a command line names: texts, --image and --minus. @throws UsageError, and AlignError for a picture */
export async function query_of(texts: readonly string[], words: Words, io: Io): Promise<QueryPart[]> {
  const parts: QueryPart[] = texts.map((text) => ({ name: text, weight: 1, text }));
  const image_weight = weight_of(words, 'image-weight', 1);
  for (const { name, input } of await pictures_of(words.all('image'), io)) {
    const image = await read(name, input, io.signal);
    parts.push({ name, weight: image_weight, image });
  }
  const minus_weight = weight_of(words, 'minus-weight', MINUS_WEIGHT);
  for (const text of words.all('minus')) parts.push({ name: text, weight: -minus_weight, text });
  const blank = parts.find((part) => 'text' in part && part.text.trim() === '');
  if (blank !== undefined) throw new UsageError(`${JSON.stringify(blank.name)} says nothing to search for`);
  if (parts.length === 0)
    throw new UsageError('search needs something to search for: a text, --image or --minus');
  return parts;
}

/** The query's embedding, of length 1. @throws AlignError `invalid_argument` when the parts cancel out, and as the model */
export function embedding_of(parts: readonly QueryPart[], align: Align, io: Io): Promise<Float32Array> {
  const mixed = parts.map((part): MixPart =>
    'text' in part ? { text: part.text, weight: part.weight } : { image: part.image, weight: part.weight },
  );
  return align.mix(mixed, { signal: io.signal });
}

/** The query as one line. */
export function query_text(parts: readonly QueryPart[]): string {
  return parts
    .map(({ name, weight }, i) => {
      const size = Math.abs(weight);
      const sign = weight < 0 ? '- ' : i > 0 ? '+ ' : '';
      return `${sign}${size === 1 ? '' : `${size} x `}${name}`;
    })
    .join(' ');
}

async function read(
  name: string,
  input: () => Promise<URL | Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await image_bytes(await input(), signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof AlignError)) throw error;
    throw new AlignError(error.code, `--image ${name}: ${message_of(error)}`, { cause: error });
  }
}

function weight_of(words: Words, name: string, otherwise: number): number {
  const given = words.text(name);
  if (given === undefined) return otherwise;
  const weight = Number(given);
  if (given.trim() === '' || !(weight > 0 && weight <= MAX_WEIGHT))
    throw new UsageError(
      `--${name} must be a number above 0, at most ${MAX_WEIGHT}, not ${JSON.stringify(given)}`,
    );
  return weight;
}
