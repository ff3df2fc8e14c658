// Text and JSON files of a model.

import { AlignError, show } from '../errors.ts';
import { corrupt } from './header.ts';
import { json_error } from './json_error.ts';
import type { ByteSource } from './source.ts';

/** tokenizer.json of the largest vocabularies has some 20 MB. */
export const MAX_TEXT_BYTES: number = 64 * 2 ** 20;

/** A whole source as text. A byte-order mark is kept, as Python keeps it. @throws AlignError `too_large`, `corrupt_checkpoint`. */
export async function read_text(source: ByteSource, signal?: AbortSignal): Promise<string> {
  const { name, size } = source;
  if (size > MAX_TEXT_BYTES)
    throw new AlignError(
      'too_large',
      `${name} has ${size} bytes, the limit for a text file is ${MAX_TEXT_BYTES}`,
      {
        detail: { file: name, size },
      },
    );
  const bytes = await source.read(0, size, signal);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw corrupt(name, 'not valid UTF-8');
  }
}

/** A JSON object. Keys are own properties, `__proto__` too: look them up with `Object.hasOwn`. @throws AlignError `corrupt_checkpoint`. */
export function parse_object(file: string, text: string): Record<string, unknown> {
  const deep = too_deep(text);
  if (deep >= 0)
    throw corrupt(file, `lists and objects ${MAX_DEPTH} deep at character ${deep}`, { position: deep });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw json_error(file, text, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw corrupt(file, `a JSON object is expected, found ${show(value)}`, { value });
  return value as Record<string, unknown>;
}

/** No file of a model has lists in lists in lists of this depth; readers that call themselves for each could not end. */
const MAX_DEPTH = 64;

/** Index of the bracket that opens more than {@link MAX_DEPTH} others; -1 where there is none. */
function too_deep(text: string): number {
  let depth = 0;
  for (let i = 0, in_string = false; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) in_string = !in_string;
    else if (in_string) i += Number(code === 0x5c);
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_DEPTH) return i;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return -1;
}
