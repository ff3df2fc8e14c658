// Text and JSON files of a model. JSON.parse does the reading; where it fails, engines word the error differently and
// some leave out the place, so a scanner finds it.

import { AlignError, show } from '../errors.ts';
import { corrupt } from './header.ts';
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
    const position = error_position(text);
    const line = text.slice(0, position).split('\n');
    const found = position < text.length ? show(text.slice(position, position + 16)) : 'the end of the file';
    throw new AlignError(
      'corrupt_checkpoint',
      `${file} is not valid JSON at line ${line.length}, column ${line.at(-1)!.length + 1}: ${found}`,
      { detail: { file, position }, cause },
    );
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

const SPACE = /[ \t\n\r]*/y;
/** A part of a string: one expression for the whole would run out of its stack on a long one. */
const STRING_PART = /[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Index of the first token of `text` at which it stops being JSON; its length where it ends too early. */
function error_position(text: string): number {
  const open: string[] = [];
  let at = 0;
  // What may stand here: a value, a value or the end of an empty list, a key, a key or "}", ":", or what follows a value.
  let state: 'value' | 'first' | 'key' | 'first_key' | 'colon' | 'after' = 'value';
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const matched = pattern.test(text);
    if (matched) at = pattern.lastIndex;
    return matched;
  };
  const skip_string = (): boolean => {
    const start = at++;
    while (skip(STRING_PART));
    const ends = text[at] === '"';
    at = ends ? at + 1 : start;
    return ends;
  };
  for (;;) {
    skip(SPACE);
    const character = text[at];
    const closes = character === open.at(-1);
    if (state === 'colon') {
      if (character !== ':') return at;
      at++;
      state = 'value';
    } else if (character !== undefined && closes && state !== 'value' && state !== 'key') {
      at++;
      open.pop();
      state = 'after';
    } else if (state === 'after') {
      if (character !== ',' || open.length === 0) return at;
      at++;
      state = open.at(-1) === '}' ? 'key' : 'value';
    } else if (state === 'key' || state === 'first_key') {
      if (character !== '"' || !skip_string()) return at;
      state = 'colon';
    } else if (character === '{' || character === '[') {
      at++;
      open.push(character === '{' ? '}' : ']');
      state = character === '{' ? 'first_key' : 'first';
    } else {
      if (!(character === '"' ? skip_string() : skip(SCALAR))) return at;
      state = 'after';
    }
  }
}
