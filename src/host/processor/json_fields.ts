// Typed reads of the processor's JSON files. A key that is absent or null is undefined (transformers' None is "take the
// default" in all of them); a value of the wrong kind is refused with its file, key and value.

import { AlignError, show } from '../errors.ts';

export type Json = Readonly<Record<string, unknown>>;

/** The refusal of one value. */
export function unsupported(file: string, key: string, value: unknown, why: string): AlignError {
  return new AlignError('unsupported_config', `${file}: ${key.slice(0, 120)} is ${show(value)}; ${why}`, {
    detail: { file, key, value },
  });
}

function get(json: Json, key: string): unknown {
  return Object.hasOwn(json, key) ? (json[key] ?? undefined) : undefined;
}

export function boolean(file: string, json: Json, key: string): boolean | undefined {
  const value = get(json, key);
  if (value !== undefined && typeof value !== 'boolean')
    throw unsupported(file, key, value, 'true or false is needed');
  return value;
}

export function string(file: string, json: Json, key: string): string | undefined {
  const value = get(json, key);
  if (value !== undefined && typeof value !== 'string')
    throw unsupported(file, key, value, 'a text is needed');
  return value;
}

/** A count. */
export function integer(file: string, json: Json, key: string): number | undefined {
  const value = get(json, key);
  if (
    value !== undefined &&
    !(Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31)
  )
    throw unsupported(file, key, value, 'an integer of at least 0 is needed');
  return value as number | undefined;
}

/** An integer that must be there. */
export function id(file: string, key: string, value: unknown): number {
  const read = integer(file, { [key]: value }, key);
  if (read === undefined) throw unsupported(file, key, value, 'an id is needed');
  return read;
}

export function object(file: string, json: Json, key: string): Json | undefined {
  const value = get(json, key);
  if (value !== undefined && (typeof value !== 'object' || Array.isArray(value)))
    throw unsupported(file, key, value, 'an object is needed');
  return value as Json | undefined;
}

export function array(file: string, json: Json, key: string): readonly unknown[] | undefined {
  const value = get(json, key);
  if (value !== undefined && !Array.isArray(value)) throw unsupported(file, key, value, 'a list is needed');
  return value as readonly unknown[] | undefined;
}

/** A name that must be one of `known`, where it is given. */
export function kind(file: string, json: Json, key: string, known: readonly string[]): string | undefined {
  const value = string(file, json, key);
  if (value !== undefined && !known.includes(value))
    throw unsupported(file, key, value, `this package has ${known.join(', ')}`);
  return value;
}
