// What an index knows of a row besides its vector: the id, and the metadata as JSON text, which nobody can change from
// outside and which takes less memory than objects.

import { AlignError, show } from '../errors.ts';

/** What JSON can hold. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A number is a safe integer; 1 and '1' are different ids. */
export type IndexId = string | number;

/** Characters of an id, and of metadata as JSON. */
const MAX_ID = 2 ** 16;
const MAX_META = 2 ** 24;

/** The id as it is kept: −0 is 0. @throws AlignError `invalid_argument` */
export function checked_id(what: string, id: unknown): IndexId {
  if (typeof id === 'string' && id.length <= MAX_ID) return id;
  if (Number.isSafeInteger(id)) return (id as number) + 0;
  throw new AlignError(
    'invalid_argument',
    `${what}: id must be a string of at most ${MAX_ID} characters or a safe integer, not ${show(id)}`,
  );
}

/** The order of ids: numbers before strings, numbers ascending, strings by UTF-16 code units. */
export function compare_ids(a: IndexId, b: IndexId): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  if (typeof b === 'number') return 1;
  return a < b ? -1 : Number(a > b);
}

/** Metadata as JSON text; null for null and nothing. @throws AlignError `invalid_argument` for what JSON cannot hold */
export function meta_text(what: () => string, meta: unknown): string | null {
  if (meta === undefined || meta === null) return null;
  try {
    const text = JSON.stringify(meta);
    const culprit = not_json(meta);
    if (culprit === undefined && text.length <= MAX_META) return text;
    if (culprit === undefined)
      throw new RangeError(`it has ${text.length} characters, ${MAX_META} are the most`);
    throw new TypeError(`it holds ${show(culprit.value)}`);
  } catch (cause) {
    throw new AlignError(
      'invalid_argument',
      `${what()}: meta cannot be kept as JSON: ${(cause as Error).message}`,
      { hint: 'use text, finite numbers, booleans, null, arrays and plain objects of them', cause },
    );
  }
}

export function parse_meta(text: string | null): JsonValue | null {
  return text === null ? null : (JSON.parse(text) as JsonValue);
}

/** The first value that JSON.stringify would drop or turn into another one; the value has no cycles. */
function not_json(value: unknown): { value: unknown } | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value))
    return undefined;
  if (typeof value !== 'object' || !(Array.isArray(value) || is_plain(value))) return { value };
  // Array.from, as holes are undefined too.
  for (const part of Array.isArray(value) ? Array.from(value as unknown[]) : Object.values(value)) {
    const found = not_json(part);
    if (found) return found;
  }
  return undefined;
}

/** An object literal's, of whatever realm. */
function is_plain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === null || Object.getPrototypeOf(prototype) === null) &&
    !('toJSON' in value && typeof value.toJSON === 'function')
  );
}

/** One line of the file's entries. */
export function entry_line(id: IndexId, meta: string | null): string {
  return `[${JSON.stringify(id)},${meta ?? 'null'}]\n`;
}

/** Reads what {@link entry_line} wrote, without the line's end. Throws whatever says what is wrong with it. */
export function parse_entry(line: string): { id: IndexId; meta: string | null } {
  const entry: unknown = JSON.parse(line);
  if (!Array.isArray(entry) || entry.length !== 2) throw new TypeError(`${show(line)} is not [id, meta]`);
  const [id, meta] = entry as [unknown, JsonValue];
  return { id: checked_id('entries', id), meta: meta === null ? null : JSON.stringify(meta) };
}
