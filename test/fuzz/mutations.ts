// Ways to damage bytes and JSON that have broken readers before.

import type { Dice } from './dice.ts';

const utf8 = new TextEncoder();

/** Numbers at the edges of 32 and 64 bits and of doubles, and texts that look like numbers to some parsers, as JSON. */
export const NUMBERS: readonly string[] = [
  ...[
    '0',
    '1',
    '2',
    '3',
    '4',
    '7',
    '8',
    '16',
    '255',
    '256',
    '-1',
    '-0',
    '1.0',
    '1e0',
    '1E3',
    '0.5',
    '01',
    '+1',
    '0x1',
  ],
  ...[
    '2147483647',
    '2147483648',
    '4294967295',
    '4294967296',
    '4294967300',
    '9007199254740991',
    '9007199254740992',
  ],
  ...['9007199254740993', '9223372036854775807', '9223372036854775808', '18446744073709551615'],
  ...[
    '18446744073709551616',
    '1e400',
    '-9223372036854775808',
    '99999999999999999999999999',
    'NaN',
    'Infinity',
    '1e-9',
  ],
];

/** Values of any kind, as JSON or almost. */
export const VALUES: readonly string[] = [
  ...NUMBERS,
  ...[
    'null',
    'true',
    'false',
    '""',
    '"1"',
    '[]',
    '{}',
    '[1]',
    '[null]',
    '[[]]',
    '{"a":1}',
    '"F32"',
    '"__proto__"',
  ],
  ...['"\\ud800"', '"\\u0000"', '"\\n"', '"😀"', 'undefined', '', "'a'", '[1,]', '{"a":1,"a":2}', '/**/1'],
  `${'['.repeat(300)}${']'.repeat(300)}`,
];

/** Names that mean something to JavaScript, to a file system, or to nobody. */
export const NAMES: readonly string[] = [
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '__metadata__',
    'length',
    '',
    ' ',
    '.',
    '..',
    '0',
  ],
  ...[
    'a/b',
    '../a',
    '\u0000',
    '\ud83d\ude00',
    'é',
    'e\u0301',
    '\ufeff',
    '\u2028',
    '"',
    '\\',
    'x'.repeat(300),
  ],
];

/** Flips, overwrites, inserts, drops, repeats or cuts somewhere. */
export function damage(bytes: Uint8Array, dice: Dice): Uint8Array {
  if (bytes.length === 0) return dice.bytes(1 + dice.below(9));
  const at = dice.below(bytes.length);
  const run = 1 + dice.below(dice.chance(0.8) ? 4 : 40);
  const copy = bytes.slice();
  switch (dice.below(7)) {
    case 0:
      copy[at]! ^= 1 << dice.below(8);
      return copy;
    case 1:
      copy[at] = dice.pick([0, 0xff, 0x20, 0x22, 0x5c, 0x7b, 0x7d, 0x80, 0xc0, 0xed, dice.below(256)]);
      return copy;
    case 2:
      return join(bytes.subarray(0, at), bytes.subarray(at + run));
    case 3:
      return join(bytes.subarray(0, at), dice.bytes(run), bytes.subarray(at));
    case 4:
      return join(bytes.subarray(0, at + run), bytes.subarray(at));
    case 5:
      return bytes.slice(0, at);
    default:
      copy.copyWithin(at, dice.below(bytes.length), dice.below(bytes.length));
      return copy;
  }
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const MARKS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  ' ',
  '\n',
  '\t',
  '\r',
  '\u000b',
  '\ufeff',
  '\\',
  '//',
  '\u0000',
];

/** A mark put in, taken out or put in another's place; a value of another kind; a member twice. */
export function damage_json(text: string, dice: Dice): string {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+|\s+/g) ?? [];
  if (tokens.length === 0) return dice.pick(VALUES);
  const at = dice.below(tokens.length);
  const values = tokens.flatMap((token, i) => (/^["\w-]/.test(token) ? [i] : []));
  switch (dice.below(6)) {
    case 0:
      tokens.splice(at, 0, dice.pick(MARKS));
      break;
    case 1:
      tokens.splice(at, 1);
      break;
    case 2:
      tokens[at] = dice.pick(MARKS);
      break;
    case 3:
      if (values.length > 0) tokens[dice.pick(values)] = dice.pick(VALUES);
      break;
    case 4:
      if (values.length > 0) tokens[dice.pick(values)] = JSON.stringify(dice.pick(NAMES));
      break;
    default: {
      const end = at + 1 + dice.below(8);
      tokens.splice(end, 0, ',', ...tokens.slice(at, end));
    }
  }
  return tokens.join('');
}

/** Values as JSON has them. */
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** JSON text that stands as it is in what {@link render} makes. */
const RAW = '\u0001raw:';

/** The value with one of its places changed: to any value, without it, or once more under another name. */
export function change_value(value: unknown, dice: Dice): unknown {
  const copy = structuredClone(value) as Json;
  const places: [parent: Record<string, Json>, key: string][] = [];
  const visit = (part: Json): void => {
    if (typeof part !== 'object' || part === null) return;
    for (const key of Object.keys(part)) {
      places.push([part as Record<string, Json>, key]);
      visit((part as Record<string, Json>)[key]!);
    }
  };
  visit(copy);
  if (places.length === 0) return RAW + dice.pick(VALUES);
  const [parent, key] = dice.pick(places);
  const other = dice.pick(places);
  const put = (name: string, changed: Json): void => {
    Object.defineProperty(parent, name, {
      value: changed,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  };
  switch (dice.below(7)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else Reflect.deleteProperty(parent, key);
      break;
    case 1:
      if (Array.isArray(parent)) parent.push(structuredClone(parent[Number(key)]));
      else put(dice.pick(NAMES), parent[key]!);
      break;
    case 2:
      put(key, structuredClone(other[0][other[1]]!));
      break;
    case 3:
      put(key, dice.pick<Json>([null, [], {}, '', [null], [[]], 0, 1, -1, true]));
      break;
    case 4:
      put(key, RAW + dice.pick(NUMBERS));
      break;
    default:
      put(key, RAW + dice.pick(VALUES));
  }
  return copy;
}

/** JSON of a value, its raw texts as they stand. */
export function render(value: unknown): string {
  return JSON.stringify(value).replace(
    /"\\u0001raw:((?:[^"\\]|\\.)*)"/g,
    (_, raw: string) => JSON.parse(`"${raw}"`) as string,
  );
}

/** A JSON file of `value` damaged up to three times: in its values, its syntax, or its bytes. */
export function damaged_file(value: unknown, dice: Dice): Uint8Array {
  let changed = value;
  const times = dice.below(4);
  const kind = dice.below(10);
  if (kind < 7) for (let i = 0; i < times; i++) changed = change_value(changed, dice);
  let text = render(changed);
  if (kind === 7 || kind === 8) for (let i = 0; i < times; i++) text = damage_json(text, dice);
  let bytes: Uint8Array = utf8.encode(text);
  if (kind === 9) for (let i = 0; i < times; i++) bytes = damage(bytes, dice);
  return bytes;
}
