// safetensors files as text, so that they can be wrong in any way.

const utf8 = new TextEncoder();

/** A file with this header (text, or bytes where it is not UTF-8), `data` bytes behind it, and maybe a lying length. */
export function file_bytes(header: string | Uint8Array, data = 0, length?: bigint): Uint8Array {
  const json = typeof header === 'string' ? utf8.encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + data).map((_, i) => i);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** One tensor's entry, as text, so that it can be wrong in any way. */
export function entry(shape = '[1]', offsets = '[0,4]', dtype = '"F32"'): string {
  return `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
}

/** The header of one tensor, `w`. */
export const one = (shape?: string, offsets?: string, dtype?: string): string =>
  `{"w":${entry(shape, offsets, dtype)}}`;
