// Narrow weights as the micro-kernels read them (layouts: plan/formats.ts). A panel is widened once for a block of rows,
// in scratch that stays in L1: to the f32 panel of tile.ts, so that every format gives the bits of an F32 model with the
// same weights; for Q8D to 16-bit integers.

import { pairs, scale_bytes } from '../plan/formats';
import { Format } from '../plan/op';
import { from_half, from_halves } from '../simd/half';

/** Bytes of a widened panel. */
export function widened_bytes(format: Format, k: usize): usize {
  return format == Format.Q8D ? pairs(k) << 6 : (k + 1) << 6;
}

/** Widens the panel at `from`, inner size k. */
export function widen_panel(format: Format, from: usize, k: usize, to: usize): void {
  if (format == Format.Q8D) return integers(from + 128, pairs(k), to);
  memory.copy(to, from, 64);
  to += 64;
  if (format == Format.F16) halves(from + 64, to, to + (k << 6));
  else if (format == Format.BF16) bfloats(from + 64, to, to + (k << 6));
  else if (format == Format.Q8) eight_bits(from + 64, k, to);
  else four_bits(from + 64, k, to);
}

/** Columns j … j + 3 of a table row of `width` numbers, j a multiple of 4. */
export function row_vector(format: Format, row: usize, width: usize, j: usize): v128 {
  switch (format) {
    case Format.F32: return v128.load(row + (j << 2));
    case Format.F16: return from_halves(v128.load_ext<u16>(row + (j << 1)));
    case Format.BF16: return i32x4.shl(v128.load_ext<u16>(row + (j << 1)), 16);
    case Format.Q8: return f32x4.mul(f32x4.convert_i32x4_s(bytes(row + 16 + j)), v128.load32_splat(row));
    default: {
      const scale = f32x4.splat(from_half(load<u16>(row + ((j >> 5) << 1))));
      const packed = bytes(row + scale_bytes(width) + ((j >> 5) << 4) + (j & 15));
      const high = <i32>(j & 16) >> 2;
      const q = f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(packed, 28 - high), 28));
      return f32x4.add(f32x4.mul(q, scale), f32x4.splat(0)); // a scale may be negative, and pad lanes are never −0
    }
  }
}

/** Four signed bytes. */
// @ts-ignore: decorator
@inline
function bytes(at: usize): v128 {
  return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(at)));
}

// Eight at a time by shifts alone, which is right for all exponents but the least (zero, subnormals) and the greatest.
function halves(from: usize, to: usize, end: usize): void {
  const one = i16x8.splat(0x400); // of an exponent
  const inner = i16x8.splat(0x7800); // no bit of it is left in the least and the greatest exponent plus one
  const zero = i16x8.splat(0);
  const bits = v128.load32_splat(HALF_BITS);
  const bias = v128.load32_splat(HALF_BITS + 4);
  for (; to < end; to += 32, from += 16) {
    const h = v128.load(from);
    if (v128.any_true(i16x8.eq(v128.and(i16x8.add(h, one), inner), zero))) {
      v128.store(to, from_halves(i32x4.extend_low_i16x8_u(h)));
      v128.store(to, from_halves(i32x4.extend_high_i16x8_u(h)), 16);
      continue;
    }
    const low = i16x8.shuffle(zero, h, 0, 8, 1, 9, 2, 10, 3, 11);
    const high = i16x8.shuffle(zero, h, 4, 12, 5, 13, 6, 14, 7, 15);
    v128.store(to, i32x4.add(v128.and(i32x4.shr_s(low, 3), bits), bias));
    v128.store(to, i32x4.add(v128.and(i32x4.shr_s(high, 3), bits), bias), 16);
  }
}

// 0 sign, exponent and mantissa of a half, moved to where they lie in a float | 1 the difference of their exponents
const HALF_BITS = memory.data<u32>([0x8fffe000, 0x38000000]);

function bfloats(from: usize, to: usize, end: usize): void {
  for (; to < end; to += 16, from += 8) v128.store(to, i32x4.shl(v128.load_ext<u16>(from), 16));
}

function integers(from: usize, count: usize, to: usize): void {
  for (const end = to + (count << 6); to < end; to += 64, from += 32) {
    v128.store(to, v128.load_ext<i8>(from));
    v128.store(to, v128.load_ext<i8>(from, 8), 16);
    v128.store(to, v128.load_ext<i8>(from, 16), 32);
    v128.store(to, v128.load_ext<i8>(from, 24), 48);
  }
}

/** Four columns of a pair of rows: the first k of it lies in the low half of each lane. */
// @ts-ignore: decorator
@inline
function low(pair: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(pair, 16), 16)), scale);
}

// @ts-ignore: decorator
@inline
function high(pair: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(pair, 16)), scale);
}

function eight_bits(from: usize, k: usize, to: usize): void {
  const s0 = v128.load(from);
  const s1 = v128.load(from, 16);
  const s2 = v128.load(from, 32);
  const s3 = v128.load(from, 48);
  from += 64;
  for (const end = to + ((k & ~1) << 6); to < end; to += 128, from += 32) {
    const b0 = v128.load_ext<i8>(from);
    const b1 = v128.load_ext<i8>(from, 8);
    const b2 = v128.load_ext<i8>(from, 16);
    const b3 = v128.load_ext<i8>(from, 24);
    v128.store(to, low(b0, s0));
    v128.store(to, low(b1, s1), 16);
    v128.store(to, low(b2, s2), 32);
    v128.store(to, low(b3, s3), 48);
    v128.store(to, high(b0, s0), 64);
    v128.store(to, high(b1, s1), 80);
    v128.store(to, high(b2, s2), 96);
    v128.store(to, high(b3, s3), 112);
  }
  if (!(k & 1)) return;
  v128.store(to, low(v128.load_ext<i8>(from), s0));
  v128.store(to, low(v128.load_ext<i8>(from, 8), s1), 16);
  v128.store(to, low(v128.load_ext<i8>(from, 16), s2), 32);
  v128.store(to, low(v128.load_ext<i8>(from, 24), s3), 48);
}

// The scales of a group are widened first, to where its last row will be; then they are loaded, as Node 20 computes what
// it could load anew for every row.
function four_bits(from: usize, k: usize, to: usize): void {
  for (const last = to + (k << 6); to < last; ) {
    const end = min(to + 2048, last);
    const scales = end - 64;
    halves(from, scales, end);
    const s0 = v128.load(scales);
    const s1 = v128.load(scales, 16);
    const s2 = v128.load(scales, 32);
    const s3 = v128.load(scales, 48);
    for (from += 32; to < end; to += 64, from += 8) {
      const packed = v128.load_ext<i8>(from);
      const first = i16x8.shr_s(i16x8.shl(packed, 12), 12);
      const second = i16x8.shr_s(packed, 4);
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(first)), s0));
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(first)), s1), 16);
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(second)), s2), 32);
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(second)), s3), 48);
    }
  }
}
