// Pillow's Image.resize on 8-bit samples, to the bit: two passes with samples of 8 bits between them.
//
//   out[x] = clip((2^21 + sum over taps of pixel[first + i] * k[i]) >> 22),  k in fixed point with 22 bits
//
// A tap is split into its low 14 bits and the rest, so two 16-bit dot products give the exact sum. Pillow 13 runs the
// vertical pass first when the height shrinks by more than twice as much as the width; older versions never do.
// The order in memory is src, dst, 32 free bytes, work: vectors write up to 15 bytes past the end of dst, and taps of 0
// read up to three rows past the end of src.

import {
  GROUP_BYTES,
  LOW_BITS,
  NEAREST,
  PRECISION,
  RECORD_HEAD,
  coefficients,
  coefficients_bytes,
  record_bytes,
} from './filters';

const SLACK: usize = 32;

@inline
function aligned(n: usize): usize {
  return (n + 15) & ~15;
}

/** Whether the vertical pass comes first. */
@inline
function vertical_first(width: u32, height: u32, out_width: u32, out_height: u32): bool {
  return height > out_height && <i64>height - out_height > 2 * (<i64>width - out_width);
}

/** Bytes of the picture between the two passes, and of what is read past the end of any picture. */
function middle_bytes(width: u32, height: u32, channels: u32, out_width: u32, out_height: u32): usize {
  const first = vertical_first(width, height, out_width, out_height);
  const pixels = first ? width * out_height : out_width * height;
  return <usize>(pixels + 3 * max(width, out_width)) * channels + SLACK;
}

/** Bytes that `resize` needs at `work`. */
export function resize_bytes(
  width: u32,
  height: u32,
  channels: u32,
  out_width: u32,
  out_height: u32,
  filter: u32,
): usize {
  if (filter == NEAREST) return <usize>out_width * 4;
  return (
    aligned(coefficients_bytes(width, out_width, filter)) +
    aligned(coefficients_bytes(height, out_height, filter)) +
    middle_bytes(width, height, channels, out_width, out_height)
  );
}

/**
 * Resizes the picture at `src` (rows of `width` pixels of 1 to 4 interleaved samples) to `dst`. `filter` is Pillow's
 * number: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming.
 */
export function resize(
  src: usize,
  width: u32,
  height: u32,
  channels: u32,
  dst: usize,
  out_width: u32,
  out_height: u32,
  filter: u32,
  work: usize,
): void {
  if (filter == NEAREST) return resize_nearest(src, width, height, channels, dst, out_width, out_height, work);
  const rows = work + aligned(coefficients_bytes(width, out_width, filter));
  const middle = rows + aligned(coefficients_bytes(height, out_height, filter));
  if (width != out_width) coefficients(width, out_width, filter, work);
  if (height != out_height) coefficients(height, out_height, filter, rows);
  const across = record_bytes(width, out_width, filter);
  const down = record_bytes(height, out_height, filter);
  if (height == out_height) {
    if (width == out_width) memory.copy(dst, src, <usize>width * height * channels);
    else horizontal(src, width, height, channels, dst, out_width, work, across);
  } else if (width == out_width) {
    vertical(src, width * channels, dst, out_height, rows, down);
  } else if (vertical_first(width, height, out_width, out_height)) {
    vertical(src, width * channels, middle, out_height, rows, down);
    horizontal(middle, width, out_height, channels, dst, out_width, work, across);
  } else {
    horizontal(src, width, height, channels, middle, out_width, work, across);
    vertical(middle, out_width * channels, dst, out_height, rows, down);
  }
}

/** Low and high sums to samples in four 32-bit lanes. */
@inline
function finish(low: v128, high: v128): v128 {
  const sum = i32x4.add(i32x4.add(low, i32x4.shl(high, LOW_BITS)), i32x4.splat(1 << (PRECISION - 1)));
  return i32x4.shr_s(sum, PRECISION);
}

/** A pair of taps, or of any two 16-bit numbers, in every 32-bit lane. */
@inline
function pair(at: usize): v128 {
  return v128.load32_splat(at);
}

function horizontal(
  src: usize,
  width: u32,
  height: u32,
  channels: u32,
  dst: usize,
  out_width: u32,
  records: usize,
  bytes: usize,
): void {
  const stride = <usize>width * channels;
  const out_stride = <usize>out_width * channels;
  for (let y: u32 = 0; y < height; y++) {
    if (channels == 3) row_across(3, src, dst, out_width, records, bytes);
    else if (channels == 4) row_across(4, src, dst, out_width, records, bytes);
    else if (channels == 2) row_across(2, src, dst, out_width, records, bytes);
    else row_across_1(src, dst, out_width, records, bytes);
    src += stride;
    dst += out_stride;
  }
}

/** One row of pixels of 2, 3 or 4 samples (a literal): a lane holds one sample, and each step takes four pixels. */
@inline
function row_across(channels: i32, row: usize, dst: usize, out_width: u32, record: usize, bytes: usize): void {
  const zero = i64x2.splat(0);
  for (let x: u32 = 0; x < out_width; x++, record += bytes) {
    let p = row + <usize>load<u32>(record) * channels;
    let k = record + RECORD_HEAD;
    const end = k + <usize>load<u32>(record, 4) * GROUP_BYTES;
    let low = zero;
    let high = zero;
    for (; k < end; k += GROUP_BYTES) {
      const pixels = v128.load(p);
      let first: v128;
      let second: v128;
      // Samples of pixels 0 and 1 (then 2 and 3) side by side, as 16-bit numbers; bytes 16 and up are zeros.
      if (channels == 3) {
        first = v128.shuffle<u8>(pixels, zero, 0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16);
        second = v128.shuffle<u8>(pixels, zero, 6, 16, 9, 16, 7, 16, 10, 16, 8, 16, 11, 16, 16, 16, 16, 16);
      } else if (channels == 4) {
        first = v128.shuffle<u8>(pixels, zero, 0, 16, 4, 16, 1, 16, 5, 16, 2, 16, 6, 16, 3, 16, 7, 16);
        second = v128.shuffle<u8>(pixels, zero, 8, 16, 12, 16, 9, 16, 13, 16, 10, 16, 14, 16, 11, 16, 15, 16);
      } else {
        first = v128.shuffle<u8>(pixels, zero, 0, 16, 2, 16, 1, 16, 3, 16, 16, 16, 16, 16, 16, 16, 16, 16);
        second = v128.shuffle<u8>(pixels, zero, 4, 16, 6, 16, 5, 16, 7, 16, 16, 16, 16, 16, 16, 16, 16, 16);
      }
      low = i32x4.add(low, i32x4.dot_i16x8_s(first, pair(k)));
      high = i32x4.add(high, i32x4.dot_i16x8_s(first, pair(k + 8)));
      low = i32x4.add(low, i32x4.dot_i16x8_s(second, pair(k + 4)));
      high = i32x4.add(high, i32x4.dot_i16x8_s(second, pair(k + 12)));
      p += 4 * channels;
    }
    const words = i16x8.narrow_i32x4_s(finish(low, high), zero);
    // Writes into the next pixel, which comes next.
    v128.store32_lane(dst, i8x16.narrow_i16x8_u(words, zero), 0);
    dst += channels;
  }
}

/** One row of single samples: the lanes hold four neighbouring taps, and are added up at the end. */
function row_across_1(row: usize, dst: usize, out_width: u32, record: usize, bytes: usize): void {
  for (let x: u32 = 0; x < out_width; x++, record += bytes) {
    let p = row + <usize>load<u32>(record);
    let k = record + RECORD_HEAD;
    const end = k + <usize>load<u32>(record, 4) * GROUP_BYTES;
    let sums = i64x2.splat(0);
    for (; k < end; k += GROUP_BYTES) {
      // Four pixels twice over, against their low and their high parts: lanes are low, low, high, high.
      const pixels = i16x8.extend_low_i8x16_u(v128.load32_splat(p));
      sums = i32x4.add(sums, i32x4.dot_i16x8_s(pixels, v128.load(k)));
      p += 4;
    }
    const low = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
    const high = i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
    const sum = (low + (high << LOW_BITS) + (1 << (PRECISION - 1))) >> PRECISION;
    store<u8>(dst++, min<i32>(max<i32>(sum, 0), 255));
  }
}

/** Rows of `stride` samples: sixteen columns at a time, a pair of rows a step. */
function vertical(src: usize, stride: u32, dst: usize, out_height: u32, record: usize, bytes: usize): void {
  for (let y: u32 = 0; y < out_height; y++, record += bytes) {
    const first = src + <usize>load<u32>(record) * stride;
    const groups = load<u32>(record, 4);
    for (let x: usize = 0; x < stride; x += 16) {
      // Writes into the next row, which comes next.
      v128.store(dst + x, columns(first + x, stride, record + RECORD_HEAD, groups));
    }
    dst += stride;
  }
}

/** Sixteen samples of one output row. */
function columns(p: usize, stride: usize, k: usize, groups: u32): v128 {
  let low0 = i64x2.splat(0);
  let low1 = low0;
  let low2 = low0;
  let low3 = low0;
  let high0 = low0;
  let high1 = low0;
  let high2 = low0;
  let high3 = low0;
  // A group is two pairs of rows: its low parts, then (8 bytes on) its high parts.
  const end = k + <usize>groups * GROUP_BYTES;
  while (k < end) {
    const a = v128.load(p);
    const b = v128.load(p + stride);
    const left = v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const right = v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const s0 = i16x8.extend_low_i8x16_u(left);
    const s1 = i16x8.extend_high_i8x16_u(left);
    const s2 = i16x8.extend_low_i8x16_u(right);
    const s3 = i16x8.extend_high_i8x16_u(right);
    const low = pair(k);
    const high = pair(k + 8);
    low0 = i32x4.add(low0, i32x4.dot_i16x8_s(s0, low));
    low1 = i32x4.add(low1, i32x4.dot_i16x8_s(s1, low));
    low2 = i32x4.add(low2, i32x4.dot_i16x8_s(s2, low));
    low3 = i32x4.add(low3, i32x4.dot_i16x8_s(s3, low));
    high0 = i32x4.add(high0, i32x4.dot_i16x8_s(s0, high));
    high1 = i32x4.add(high1, i32x4.dot_i16x8_s(s1, high));
    high2 = i32x4.add(high2, i32x4.dot_i16x8_s(s2, high));
    high3 = i32x4.add(high3, i32x4.dot_i16x8_s(s3, high));
    p += 2 * stride;
    // The second pair of a group lies 4 bytes behind the first, the next group 12 behind the second.
    k += k & 4 ? 12 : 4;
  }
  const words0 = i16x8.narrow_i32x4_s(finish(low0, high0), finish(low1, high1));
  const words1 = i16x8.narrow_i32x4_s(finish(low2, high2), finish(low3, high3));
  return i8x16.narrow_i16x8_u(words0, words1);
}

/** Pillow's ImagingScaleAffine: positions are summed up, not multiplied. */
function resize_nearest(
  src: usize,
  width: u32,
  height: u32,
  channels: u32,
  dst: usize,
  out_width: u32,
  out_height: u32,
  work: usize,
): void {
  const step = <f64>width / <f64>out_width;
  let at = 0.5 * step;
  for (let x: u32 = 0; x < out_width; x++, at += step) {
    store<u32>(work + (<usize>x << 2), min<u32>(<u32>at, width - 1) * channels);
  }
  const step_down = <f64>height / <f64>out_height;
  at = 0.5 * step_down;
  for (let y: u32 = 0; y < out_height; y++, at += step_down) {
    const row = src + <usize>min<u32>(<u32>at, height - 1) * width * channels;
    for (let x: u32 = 0; x < out_width; x++) {
      const p = row + load<u32>(work + (<usize>x << 2));
      for (let c: u32 = 0; c < channels; c++) store<u8>(dst++, load<u8>(p + c));
    }
  }
}
