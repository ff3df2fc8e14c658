// JSON where it lies: a text is checked once, then values are places in it. A 0 byte, which no JSON has, ends every text.

import { read_decimal } from './decimal';
import { show } from './io';
import { decoded, is, is_utf8, text, Text } from './text';

/** Lists and objects in each other; no file of a model has ten. */
const DEPTH: u32 = 64;

/** A value: its place, and what it is called in messages. */
export class Json {
  constructor(
    public file: string,
    public key: string,
    public at: usize,
  ) {}

  get is_null(): bool {
    return load<u8>(this.at) == 0x6e;
  }

  get is_object(): bool {
    return load<u8>(this.at) == 0x7b;
  }

  get is_list(): bool {
    return load<u8>(this.at) == 0x5b;
  }

  get is_text(): bool {
    return load<u8>(this.at) == 0x22;
  }

  get is_number(): bool {
    const c = load<u8>(this.at);
    return c == 0x2d || c - 0x30 < 10;
  }

  /** A member as it is, null too; null where there is none. Of equal keys the last counts, as everywhere in JSON. */
  own(key: string): Json | null {
    let found: Json | null = null;
    const members = this.members();
    while (members.next()) if (is(members.key, key)) found = new Json(this.file, key, members.at);
    return found;
  }

  /** A member; null where there is none, or where it is null. */
  get(key: string): Json | null {
    const found = this.own(key);
    return found && found.is_null ? null : found;
  }

  /** What is in an object or a list. */
  members(): Members {
    if (!this.is_object && !this.is_list) throw new Error(this.refused('an object or a list is needed'));
    return new Members(this.at);
  }

  object(key: string): Json | null {
    const value = this.get(key);
    if (value && !value.is_object) throw new Error(value.refused('an object is needed'));
    return value;
  }

  list(key: string): Json | null {
    const value = this.get(key);
    if (value && !value.is_list) throw new Error(value.refused('a list is needed'));
    return value;
  }

  /** A member that is a text, else `initial`. */
  string(key: string, initial: string): string {
    const value = this.get(key);
    return value ? decoded(value.text()) : initial;
  }

  /** A member that is true or false, else `initial`. */
  flag(key: string, initial: bool): bool {
    const value = this.get(key);
    return value ? value.boolean() : initial;
  }

  text(): Text {
    if (!this.is_text) throw new Error(this.refused('a text is needed'));
    return unescaped(this.at);
  }

  boolean(): bool {
    const c = load<u8>(this.at);
    if (c != 0x74 && c != 0x66) throw new Error(this.refused('true or false is needed'));
    return c == 0x74;
  }

  number(): f64 {
    if (!this.is_number) throw new Error(this.refused('a number is needed'));
    const value = read_decimal(this.at, skip(this.at, 0));
    if (isNaN(value)) throw new Error(this.refused('it has more than 40 digits, or is far beyond 1e±60'));
    return value;
  }

  /** A whole number from `least` to `most`. */
  integer(least: f64, most: f64): f64 {
    const value = this.is_number ? this.number() : NaN;
    if (!(value >= least && value <= most) || Math.floor(value) != value) {
      throw new Error(this.refused(`an integer from ${<i64>least} to ${<i64>most} is needed`));
    }
    return value;
  }

  /** The message of an Error that names file, key and value. */
  refused(why: string): string {
    const size = <usize>min<isize>(skip(this.at, 0) - this.at, 60);
    return `${this.file}: ${this.key ? this.key : 'the file'} is ${String.UTF8.decodeUnsafe(this.at, size)}; ${why}`;
  }
}

/** Goes through a list or an object: `at` is the place of a value, `key` its name. */
export class Members {
  at: usize = 0;
  private named: bool;
  private cursor: usize;
  private quoted: usize = 0;

  constructor(container: usize) {
    this.named = load<u8>(container) == 0x7b;
    this.cursor = container + 1;
  }

  next(): bool {
    if (this.at) this.cursor = skip(this.at, 0);
    let p = blank(this.cursor);
    if (load<u8>(p) == 0x2c) p = blank(p + 1);
    if (load<u8>(p) == 0x7d || load<u8>(p) == 0x5d) return false;
    if (this.named) {
      this.quoted = p;
      p = blank(blank(skip(p, 0)) + 1);
    }
    this.at = p;
    return true;
  }

  get key(): Text {
    return unescaped(this.quoted);
  }
}

/** The object that a whole text is; `file` is its name in messages. */
export function parse_object(file: string, t: Text): Json {
  if (!is_utf8(t)) throw new Error(`${file}: not valid UTF-8`);
  if (load<u8>(t.at + t.size)) t = ended(t);
  furthest = t.at;
  const start = blank(t.at);
  const end = skip(start, DEPTH);
  if (!end || blank(end) != t.at + t.size) {
    const at = end ? blank(end) : furthest;
    const found = at < t.at + t.size ? show(text(at, min<usize>(16, t.at + t.size - at))) : 'its end';
    throw new Error(`${file} is not valid JSON at byte ${at - t.at}: ${found}`);
  }
  const json = new Json(file, '', start);
  if (!json.is_object) throw new Error(json.refused('an object is needed'));
  return json;
}

/** A copy with a 0 behind it, of a text within another one. */
function ended(t: Text): Text {
  const at = heap.alloc(t.size + 1);
  memory.copy(at, t.at, t.size);
  store<u8>(at + t.size, 0);
  return text(at, t.size);
}

/** Where `skip` stopped. */
let furthest: usize = 0;

function blank(p: usize): usize {
  while (true) {
    const c = load<u8>(p);
    if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) return p;
    p++;
  }
}

/** The end of the value at `p`, whose grammar it checks; 0 where that is not JSON, or `depth` too little. 0 as depth is any. */
function skip(p: usize, depth: u32): usize {
  furthest = p;
  const c = load<u8>(p);
  if (c == 0x22) return skip_string(p);
  if (c == 0x7b || c == 0x5b) return depth == 1 ? 0 : skip_members(p, c + 2, depth ? depth - 1 : 0);
  if (c == 0x2d || c - 0x30 < 10) return skip_number(p);
  if (load<u32>(p) == 0x65757274) return p + 4; // true
  if (load<u32>(p) == 0x6c6c756e) return p + 4; // null
  if (c == 0x66 && load<u32>(p, 1) == 0x65736c61) return p + 5; // false
  return 0;
}

function skip_members(p: usize, close: u8, depth: u32): usize {
  p = blank(p + 1);
  if (load<u8>(p) == close) return p + 1;
  while (true) {
    if (close == 0x7d) {
      furthest = p;
      if (load<u8>(p) != 0x22) return 0;
      p = skip_string(p);
      if (!p) return 0;
      furthest = p = blank(p);
      if (load<u8>(p) != 0x3a) return 0;
      p = blank(p + 1);
    }
    p = skip(p, depth);
    if (!p) return 0;
    furthest = p = blank(p);
    const c = load<u8>(p);
    if (c == close) return p + 1;
    if (c != 0x2c) return 0;
    p = blank(p + 1);
  }
}

function skip_string(p: usize): usize {
  while (true) {
    const c = load<u8>(++p);
    if (c == 0x22) return p + 1;
    furthest = p;
    if (c < 0x20) return 0;
    if (c != 0x5c) continue;
    const e = load<u8>(++p);
    if (e == 0x75) {
      for (let i = 0; i < 4; i++) if (hex(load<u8>(++p)) > 15) return 0;
    } else if (e != 0x22 && e != 0x5c && e != 0x2f && e != 0x62 && e != 0x66 && e != 0x6e && e != 0x72 && e != 0x74) return 0;
  }
}

function skip_number(p: usize): usize {
  if (load<u8>(p) == 0x2d) p++;
  const first = p;
  p = skip_digits(p);
  if (p == first || (p > first + 1 && load<u8>(first) == 0x30)) return 0;
  if (load<u8>(p) == 0x2e) {
    const point = ++p;
    p = skip_digits(p);
    if (p == point) return 0;
  }
  if ((load<u8>(p) | 0x20) != 0x65) return p;
  const sign = load<u8>(++p);
  if (sign == 0x2b || sign == 0x2d) p++;
  const exponent = p;
  p = skip_digits(p);
  return p == exponent ? 0 : p;
}

function skip_digits(p: usize): usize {
  while (load<u8>(p) - 0x30 < 10) p++;
  return p;
}

function hex(c: u8): u32 {
  if (c - 0x30 < 10) return c - 0x30;
  const letter = (c | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : 16;
}

/** The text of the string at `p`: in place where nothing in it is escaped. */
function unescaped(p: usize): Text {
  const start = p + 1;
  const end = skip_string(p) - 1;
  const raw = text(start, end - start);
  p = start;
  while (p < end && load<u8>(p) != 0x5c) p++;
  if (p == end) return raw;
  const at = heap.alloc(raw.size + 1);
  let to = at;
  for (p = start; p < end; p++) {
    const c = load<u8>(p);
    if (c != 0x5c) {
      store<u8>(to++, c);
      continue;
    }
    const e = load<u8>(++p);
    if (e == 0x75) {
      let unit = code_unit(p);
      p += 4;
      if ((unit & 0xfc00) == 0xd800 && load<u16>(p, 1) == 0x755c && (code_unit(p + 2) & 0xfc00) == 0xdc00) {
        unit = 0x10000 + ((unit & 0x3ff) << 10) + (code_unit(p + 2) & 0x3ff);
        p += 6;
      } else if ((unit & 0xf800) == 0xd800) unit = 0xfffd; // half a pair
      to = put_utf8(to, unit);
    } else store<u8>(to++, e == 0x62 ? 8 : e == 0x66 ? 12 : e == 0x6e ? 10 : e == 0x72 ? 13 : e == 0x74 ? 9 : e);
  }
  store<u8>(to, 0);
  return text(at, to - at);
}

/** The four digits behind the "u" at `p`. */
function code_unit(p: usize): u32 {
  let unit: u32 = 0;
  for (let i: usize = 1; i < 5; i++) unit = (unit << 4) | hex(load<u8>(p + i));
  return unit;
}

function put_utf8(to: usize, c: u32): usize {
  if (c < 0x80) {
    store<u8>(to, c);
    return to + 1;
  }
  if (c < 0x800) {
    store<u8>(to, 0xc0 | (c >> 6));
    store<u8>(to, 0x80 | (c & 0x3f), 1);
    return to + 2;
  }
  if (c < 0x10000) {
    store<u8>(to, 0xe0 | (c >> 12));
    store<u8>(to, 0x80 | ((c >> 6) & 0x3f), 1);
    store<u8>(to, 0x80 | (c & 0x3f), 2);
    return to + 3;
  }
  store<u8>(to, 0xf0 | (c >> 18));
  store<u8>(to, 0x80 | ((c >> 12) & 0x3f), 1);
  store<u8>(to, 0x80 | ((c >> 6) & 0x3f), 2);
  store<u8>(to, 0x80 | (c & 0x3f), 3);
  return to + 4;
}
