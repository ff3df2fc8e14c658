// What every runtime of the matrix computes from: 100 pictures, 100 texts, and the embedded model, whose checkpoint it was
// packed from in 8 bits is loaded in fp32. MATRIX_MORE adds as many random pictures and texts.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pack, type File } from '../blob.ts';
import { matrix_pictures } from './pictures.ts';
import { matrix_texts } from './texts.ts';

/** The folder of the checkpoint that the embedded model is made of. */
export const CHECKPOINT: string = fileURLToPath(new URL('../../../weights/checkpoint/', import.meta.url));

/** The package as npm installed it. */
export const INSTALLED: string = fileURLToPath(new URL('../../node_modules/align-wasm/', import.meta.url));

/** Pictures, and texts, of the matrix. */
export const COUNT: number = 100 + Number(process.env['MATRIX_MORE'] ?? 0);

export const PICTURES: ReadonlyMap<string, Uint8Array> = matrix_pictures(COUNT - 100);
export const TEXTS: readonly string[] = matrix_texts(COUNT - 100);

/** What the embeddings are of, in their order. */
export const ITEMS: readonly string[] = [
  ...Array.from(PICTURES.keys(), (name) => `the picture ${name}`),
  ...TEXTS.map((text) => `the text ${JSON.stringify(text.slice(0, 60))}`),
];

/** The texts travel as JSON, which has lone surrogates. */
export function matrix_blob(): Buffer {
  return pack([
    ['texts', Buffer.from(JSON.stringify(TEXTS))],
    ...Array.from(PICTURES, ([name, bytes]): File => [`pictures/${name}`, bytes]),
    ...readdirSync(CHECKPOINT).map((name): File => [`checkpoint/${name}`, readFileSync(CHECKPOINT + name)]),
  ]);
}
