// Goldens of test/golden/pictures.py, and how they are compared.

import { RawImage } from '../../src/host/image.ts';
import { AlignError } from '../../src/host/errors.ts';
import { digest, golden } from './random.ts';

/** Width, height and digest of the RGB samples. */
export type Result = [width: number, height: number, rgb: string];

export interface Case {
  readonly name: string;
  readonly file: Uint8Array;
  /** What Pillow gives, or null where it refuses. */
  readonly result: Result | null;
}

/** The cases of a golden. */
export function pictures(name: string): Case[] {
  return golden<[string, string, Result | null][]>(name).map(([own, file, result]) => ({
    name: own,
    file: Uint8Array.from(Buffer.from(file, 'base64')),
    result,
  }));
}

/** What RawImage.read gives for a file, or the code of its error. */
export async function outcome(file: Uint8Array): Promise<Result | string> {
  try {
    const { width, height, data } = await RawImage.read(file);
    return [width, height, digest(data)];
  } catch (error) {
    if (error instanceof AlignError) return error.code;
    throw error;
  }
}
