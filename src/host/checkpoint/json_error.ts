// What is wrong with JSON. JSON.parse does the reading; where it fails, engines word the error differently and some leave
// out the place, so a scanner finds it.

import { AlignError, show } from '../errors.ts';

/** The error for a text that JSON.parse refused: where it stops being JSON, and what stands there. */
export function json_error(file: string, text: string, cause: unknown): AlignError {
  const position = error_position(text);
  const lines = text.slice(0, position).split('\n');
  const rest = text.slice(position, position + 16);
  const found = rest === '' ? 'the end of the file' : rest[0] === '\ufeff' ? 'a byte-order mark' : show(rest);
  return new AlignError(
    'corrupt_checkpoint',
    `${file} is not valid JSON at line ${lines.length}, column ${lines.at(-1)!.length + 1}: ${found}`,
    { detail: { file, position }, cause },
  );
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
