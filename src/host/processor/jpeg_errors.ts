// What is said of a JPEG that is not decoded.

import { AlignError } from '../errors.ts';

export function corrupt(why: string, detail: Record<string, unknown> = {}): AlignError {
  return new AlignError('corrupt_image', `The JPEG is damaged: ${why}`, { detail });
}

export function unsupported(why: string, detail: Record<string, unknown> = {}): AlignError {
  return new AlignError('unsupported_image', `The JPEG ${why}`, {
    detail,
    hint: 'convert it to an RGB JPEG (baseline or progressive) or to PNG',
  });
}
