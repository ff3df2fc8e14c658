// How weight blocks are stored, in sizes that kernels, `pack` and the recorder share. A panel holds NR = 16 columns of a
// matrix with inner size k; behind its head come all k. A row is one of a table's.
//
//   panel  F32        bias f32[16]                 | 1 k: f32[16]
//          F16, BF16  bias f32[16]                 | 1 k: u16[16]
//          Q8, Q8D    bias f32[16], scale f32[16]  | 2 k: i8[16][2]
//          Q4         bias f32[16]                 | 32 k: scale f16[16], then u8[32][8], column j below column j + 8
//   row    F32        f32[width]
//          F16, BF16  u16[width], zeros up to 8
//          Q8         scale f32, 12 bytes unused   | i8[width], zeros up to 16
//          Q4         scale f16 for every 32, zeros up to 8 | 32 numbers: u8[16], number j below number j + 16
//
// w = q · scale: q is −127 … 127 in 8 bits, −8 … 7 in 4, two's complement; what is left of the last group is zeros.

import { Format, NR } from './op';
import { Packing } from './tables';

/** Formats of products, of tables, and of everything else, as Request.accepts has them. */
export const PRODUCT_FORMATS: u32 = (1 << (Format.Q4 + 1)) - 1;
export const TABLE_FORMATS: u32 = PRODUCT_FORMATS & ~(1 << Format.Q8D);
export const F32_ONLY: u32 = 1 << Format.F32;

/** Bytes of a block: `rows` columns of inner size `depth`, or `rows` rows with a stride of `depth` floats. */
export function block_bytes(packing: Packing, format: Format, rows: u32, depth: u32): u64 {
  if (packing == Packing.Panels) return <u64>((rows + NR - 1) / NR) * panel_bytes<u64>(format, depth);
  if (packing == Packing.Taps) return <u64>((rows + 3) >> 2) * (depth + 1) * 16;
  return <u64>rows * row_bytes(format, depth);
}

/** Bytes of a panel with inner size k: a multiple of 32. In 64 bits they are right for any k. */
export function panel_bytes<T extends number>(format: Format, k: T): T {
  switch (format) {
    case Format.F32: return (k + 1) << 6;
    case Format.F16:
    case Format.BF16: return (k + 2) << 5;
    case Format.Q4: return 64 + groups(k) * 288;
    default: return (pairs(k) + 4) << 5;
  }
}

/** Bytes of a table row of `width` numbers, a multiple of 4: a multiple of 16. */
export function row_bytes(format: Format, width: usize): usize {
  switch (format) {
    case Format.F32: return width << 2;
    case Format.F16:
    case Format.BF16: return ((width + 7) & ~7) << 1;
    case Format.Q4: return scale_bytes(width) + (groups(width) << 4);
    default: return 16 + ((width + 15) & ~15);
  }
}

/** Pairs of k in a panel of 8-bit numbers. */
// @ts-ignore: decorator
@inline
export function pairs<T extends number>(k: T): T {
  return (k + 1) >> 1;
}

/** Groups of 32 numbers that share a scale. */
// @ts-ignore: decorator
@inline
export function groups<T extends number>(count: T): T {
  return (count + 31) >> 5;
}

/** Bytes of the scales that a Q4 row begins with. */
// @ts-ignore: decorator
@inline
export function scale_bytes(width: usize): usize {
  return ((groups(width) + 7) & ~7) << 1;
}

/** Floats in a row of {@link Quantize}'s result for k activations: a multiple of 4. */
export function quantized_row(k: u32): u32 {
  return 4 + (((k + 7) & ~7) >> 1);
}
