// The checksum of PNG chunks, label sets and model names. An index, which may have gigabytes, computes its own in WebAssembly.

let table: Uint32Array | undefined;

/** CRC-32 as in PNG and zip (reflected polynomial 0xEDB88320). */
export function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    return crc;
  });
  let crc = 0xffffffff;
  // Not for … of, which takes four times as long.
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 255]!;
  return ~crc >>> 0;
}
