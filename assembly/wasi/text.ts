// UTF-8 as it lies in memory: what a file, an argument or a JSON string is made of.

@unmanaged
export class Text {
  at: usize;
  size: usize;
}

export function text(at: usize, size: usize): Text {
  const slice = changetype<Text>(heap.alloc(offsetof<Text>()));
  slice.at = at;
  slice.size = size;
  return slice;
}

/** The bytes of a string, followed by a 0 that does not count. */
export function encoded(value: string): Text {
  const size = <usize>String.UTF8.byteLength(value);
  const at = heap.alloc(size + 1);
  String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, at, false);
  store<u8>(at + size, 0);
  return text(at, size);
}

export function decoded(t: Text): string {
  return String.UTF8.decodeUnsafe(t.at, t.size, false);
}

/** Whether a text is `name`, which is ASCII. */
export function is(t: Text, name: string): bool {
  if (t.size != <usize>name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (load<u8>(t.at + i) != <u8>name.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether it begins with `name`, which is ASCII. */
export function begins(t: Text, name: string): bool {
  return t.size >= <usize>name.length && is(text(t.at, name.length), name);
}

/** Where the first `byte` is; -1: nowhere. */
export function index_of(t: Text, byte: u8): isize {
  for (let i: usize = 0; i < t.size; i++) if (load<u8>(t.at + i) == byte) return i;
  return -1;
}

/** Without ASCII white space at its ends. */
export function trimmed(t: Text): Text {
  let at = t.at;
  let end = t.at + t.size;
  while (at < end && load<u8>(at) <= 0x20) at++;
  while (at < end && load<u8>(end - 1) <= 0x20) end--;
  return text(at, end - at);
}

/** The parts between separators, without blank ones and spaces at the ends. */
export function pieces(t: Text, separator: u8): Array<Text> {
  const parts = new Array<Text>();
  const end = t.at + t.size;
  for (let at = t.at; at <= end; ) {
    const found = index_of(text(at, end - at), separator);
    const size = found < 0 ? end - at : <usize>found;
    const part = trimmed(text(at, size));
    if (part.size) parts.push(part);
    at += size + 1;
  }
  return parts;
}

/** Whether the bytes are UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
export function is_utf8(t: Text): bool {
  const end = t.at + t.size;
  for (let p = t.at; p < end; ) {
    const a = load<u8>(p++);
    if (a < 0x80) continue;
    const more: u32 = a < 0xc2 ? 0 : a < 0xe0 ? 1 : a < 0xf0 ? 2 : a < 0xf5 ? 3 : 0;
    if (!more || p + more > end) return false;
    const b = load<u8>(p);
    if (a == 0xe0 && b < 0xa0) return false;
    if (a == 0xed && b > 0x9f) return false;
    if (a == 0xf0 && b < 0x90) return false;
    if (a == 0xf4 && b > 0x8f) return false;
    for (let i: u32 = 0; i < more; i++) if ((load<u8>(p++) & 0xc0) != 0x80) return false;
  }
  return true;
}
