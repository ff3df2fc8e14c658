// What is wrong with a PNG.

import { AlignError } from '../errors.ts';

export function corrupt(why: string, detail: Record<string, unknown> = {}, cause?: unknown): AlignError {
  return new AlignError('corrupt_image', `The PNG is damaged: ${why}`, { detail, cause });
}
