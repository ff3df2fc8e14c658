// Messages with bytes in them: the length of a JSON text, the text, then the bytes that it names the lengths of.

/** Puts `head` and the parts into one. */
export function pack(head: unknown, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify({ head, sizes: parts.map(({ length }) => length) }));
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 4 + text.length));
  new DataView(whole.buffer).setUint32(0, text.length, true);
  whole.set(text, 4);
  let at = 4 + text.length;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The head, which the caller knows the type of, and copies of the parts. */
export function unpack(whole: Uint8Array): { head: unknown; parts: Uint8Array<ArrayBuffer>[] } {
  const size = new DataView(whole.buffer, whole.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(whole.subarray(4, 4 + size));
  const { head, sizes } = JSON.parse(text) as { head: unknown; sizes: number[] };
  let at = 4 + size;
  return { head, parts: sizes.map((bytes) => whole.slice(at, (at += bytes))) };
}
