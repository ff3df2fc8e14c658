// f32 weights to the narrower formats of plan/formats.ts, each number rounded to nearest, ties to even.

import { scale_bytes } from '../plan/formats';
import { Format } from '../plan/op';
import { inverse, step } from '../simd/eight_bits';
import { from_half, to_bfloats, to_half, to_halves } from '../simd/half';
import { sum_lanes } from '../simd/lanes';

/**
 * Rounds `count` f32 at `values` into column `j` of a panel; gives how many finite ones the format cannot hold. `scratch`:
 * room for as many, or `values` itself where these are no longer needed.
 */
export function narrow_column(format: Format, values: usize, count: usize, panel: usize, j: usize, scratch: usize): u32 {
  if (format == Format.F16 || format == Format.BF16) {
    const lost = halves(format, values, count, scratch);
    let to = panel + 64 + (j << 1);
    for (const end = scratch + (count << 1); scratch < end; scratch += 2, to += 32) store<u16>(to, load<u16>(scratch));
    return lost;
  }
  if (format == Format.Q4) {
    let lost: u32 = 0;
    const shift = <u32>(j >> 3) << 2;
    let group = panel + 64;
    for (let k: usize = 0; k < count; k += 32, group += 288) {
      const size = min(32, count - k);
      const at = values + (k << 2);
      const scale = scale_of_4_bits(at, size);
      store<u16>(group + (j << 1), scale);
      lost += overflows(scale, at, size);
      const factor = reciprocal(scale);
      const to = group + 32 + (j & 7);
      for (let i: usize = 0; i < size; i++) nibble(to + (i << 3), shift, load<f32>(at + (i << 2)) * factor);
    }
    return lost;
  }
  const largest = absmax(values, count);
  store<f32>(panel + 64 + (j << 2), step(largest));
  const factor = inverse(largest);
  const to = panel + 128 + (j << 1);
  for (let k: usize = 0; k < count; k++) {
    store<i8>(to + ((k >> 1) << 5) + (k & 1), <i32>nearest(load<f32>(values + (k << 2)) * factor));
  }
  return 0;
}

/** The same into the row of a table. */
export function narrow_row(format: Format, values: usize, count: usize, to: usize): u32 {
  if (format == Format.F16 || format == Format.BF16) return halves(format, values, count, to);
  if (format == Format.Q4) {
    let lost: u32 = 0;
    let group = to + scale_bytes(count);
    for (let j: usize = 0; j < count; j += 32, to += 2, group += 16) {
      const size = min(32, count - j);
      const at = values + (j << 2);
      const scale = scale_of_4_bits(at, size);
      store<u16>(to, scale);
      lost += overflows(scale, at, size);
      const factor = reciprocal(scale);
      for (let i: usize = 0; i < size; i++) nibble(group + (i & 15), <u32>(i >> 4) << 2, load<f32>(at + (i << 2)) * factor);
    }
    return lost;
  }
  const largest = absmax(values, count);
  store<f32>(to, step(largest));
  const factor = inverse(largest);
  for (let i: usize = 0; i < count; i++) store<i8>(to + 16 + i, <i32>nearest(load<f32>(values + (i << 2)) * factor));
  return 0;
}

/** Numbers of two bytes in a row, which may be `values` itself. */
function halves(format: Format, values: usize, count: usize, to: usize): u32 {
  const f16 = format == Format.F16;
  const infinity = i32x4.splat(f16 ? 0x7c00 : 0x7f80);
  const magnitude = i32x4.splat(0x7fff);
  const most = f32x4.splat(f32.MAX_VALUE);
  let lost = i32x4.splat(0);
  for (; count > 0; values += 16, to += 8) {
    const used = min(4, count);
    const f = used == 4 ? v128.load(values) : tail(values, used);
    const h = f16 ? to_halves(f) : to_bfloats(f);
    const infinite = i32x4.eq(v128.and(h, magnitude), infinity);
    lost = i32x4.sub(lost, v128.and(infinite, f32x4.le(f32x4.abs(f), most)));
    const packed = i16x8.shuffle(h, h, 0, 2, 4, 6, 0, 2, 4, 6);
    if (used == 4) store<i64>(to, i64x2.extract_lane(packed, 0));
    else for (let i: usize = 0; i < used; i++) store<u16>(to + (i << 1), <u16>(i64x2.extract_lane(packed, 0) >> (i << 4)));
    count -= used;
  }
  return i32x4.extract_lane(lost, 0) + i32x4.extract_lane(lost, 1) + i32x4.extract_lane(lost, 2) + i32x4.extract_lane(lost, 3);
}

// Nothing behind the last number is read.
function tail(values: usize, count: usize): v128 {
  let v = v128.load32_zero(values);
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(values, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(values, 8));
  return v;
}

// NaN is handed on.
function absmax(values: usize, count: usize): f32 {
  let largest: f32 = 0;
  for (const end = values + (count << 2); values < end; values += 4) largest = max(largest, abs(load<f32>(values)));
  return largest;
}

/**
 * The scale, a half, of up to 32 numbers in −8 … 7: the largest becomes 7, −7 or, with a scale of its opposite sign, −8,
 * whichever leaves the smaller sum of squared errors.
 */
function scale_of_4_bits(values: usize, count: usize): u32 {
  let extreme: f32 = 0;
  for (let i: usize = 0; i < count; i++) {
    const value = load<f32>(values + (i << 2));
    if (!(abs(value) <= abs(extreme))) extreme = value;
    if (extreme != extreme) break;
  }
  const sevenths = to_half(abs(extreme) / 7);
  const eighths = to_half(extreme / -8);
  return error_of(eighths, values, count) < error_of(sevenths, values, count) ? eighths : sevenths;
}

function error_of(scale: u32, values: usize, count: usize): f32 {
  const s = f32x4.splat(from_half(scale));
  const factor = f32x4.splat(reciprocal(scale));
  const least = f32x4.splat(-8);
  const most = f32x4.splat(7);
  let sum = f32x4.splat(0);
  for (const end = values + (count << 2); values < end; values += 16) {
    const value = values + 16 <= end ? v128.load(values) : tail(values, (end - values) >> 2);
    const q = f32x4.pmin(f32x4.pmax(f32x4.nearest(f32x4.mul(value, factor)), least), most);
    const error = f32x4.sub(value, f32x4.mul(q, s));
    sum = f32x4.add(sum, f32x4.mul(error, error));
  }
  return sum_lanes(sum);
}

/** 1 / scale; 0 for the scale of zeros and of numbers too small for any. */
function reciprocal(scale: u32): f32 {
  return scale & 0x7fff ? 1 / from_half(scale) : 0;
}

function overflows(scale: u32, values: usize, count: usize): u32 {
  return u32((scale & 0x7fff) == 0x7c00 && absmax(values, count) <= f32.MAX_VALUE);
}

// @ts-ignore: decorator
@inline
function four_bits(x: f32): f32 {
  return min<f32>(7, max<f32>(-8, nearest(x)));
}

// @ts-ignore: decorator
@inline
function nibble(at: usize, shift: u32, x: f32): void {
  store<u8>(at, load<u8>(at) | ((<u32><i32>four_bits(x) & 15) << shift));
}
