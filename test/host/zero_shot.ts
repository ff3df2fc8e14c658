// What transformers answers for the example pictures with the checkpoint that the embedded model is made of
// (zero_shot.json, made by zero_shot.py).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** transformers' scores by template and picture, best first, and its un-normalised features. */
export interface ZeroShot {
  readonly labels: string[];
  readonly pictures: string[];
  readonly scores: Record<string, Record<string, { label: string; score: number }[]>>;
  readonly features: { image: number[][]; text: number[][] };
}

export const ZERO_SHOT = JSON.parse(
  readFileSync(new URL('zero_shot.json', import.meta.url), 'utf8'),
) as ZeroShot;

/** What the embedded model was before it was rounded to 8 bits. */
export const CHECKPOINT: string = fileURLToPath(new URL('../../weights/checkpoint', import.meta.url));

/** Path of an example picture. */
export const picture = (name: string): string =>
  fileURLToPath(new URL(`../../examples/pictures/${name}.png`, import.meta.url));
