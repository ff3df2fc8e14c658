// CRC-32 as in zip and PNG (reflected polynomial 0xEDB88320), eight bytes a step.

/** Writes the tables, u32[8][256]: entry b of table t is what byte b does when t zero bytes follow. */
export function crc32_init(tables: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    store<u32>(tables + (<usize>byte << 2), crc);
  }
  for (let at: usize = tables; at < tables + 7 * 1024; at += 4) {
    const crc = load<u32>(at);
    store<u32>(at + 1024, (crc >>> 8) ^ entry(tables, 0, crc));
  }
}

// @ts-ignore: decorator
@inline
function entry(tables: usize, table: usize, byte: u32): u32 {
  return load<u32>(tables + (table << 10) + (<usize>(byte & 255) << 2));
}

/** Goes on from `crc`, 0 at the start, over `length` bytes. */
export function crc32(tables: usize, crc: u32, bytes: usize, length: usize): u32 {
  const end = bytes + length;
  crc = ~crc;
  for (; bytes + 8 <= end; bytes += 8) {
    const low = load<u32>(bytes) ^ crc;
    const high = load<u32>(bytes, 4);
    crc =
      entry(tables, 7, low) ^
      entry(tables, 6, low >>> 8) ^
      entry(tables, 5, low >>> 16) ^
      entry(tables, 4, low >>> 24) ^
      entry(tables, 3, high) ^
      entry(tables, 2, high >>> 8) ^
      entry(tables, 1, high >>> 16) ^
      entry(tables, 0, high >>> 24);
  }
  for (; bytes < end; bytes++) crc = (crc >>> 8) ^ entry(tables, 0, crc ^ load<u8>(bytes));
  return ~crc;
}
