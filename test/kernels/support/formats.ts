// Weight formats by their description (assembly/plan/formats.ts), written apart from the module: numbers are rounded in
// double precision, and blocks are laid out byte by byte.

import { Format, NR } from '../../../src/host/plan/layout.ts';

export type FormatName = keyof typeof Format;

/** Those stored narrower than f32. */
export const NARROW = ['F16', 'BF16', 'Q8', 'Q8D', 'Q4'] as const;

const GROUP = 32;
const up = (count: number, to: number): number => Math.ceil(count / to) * to;

/** Bytes of a panel of inner size k. */
export function panel_bytes(format: FormatName, k: number): number {
  if (format === 'F32') return 64 + 64 * k;
  if (format === 'F16' || format === 'BF16') return 64 + 32 * k;
  if (format === 'Q4') return 64 + (32 + GROUP * 8) * Math.ceil(k / GROUP);
  return 128 + 32 * Math.ceil(k / 2);
}

/** Bytes of a table's row. */
export function row_bytes(format: FormatName, width: number): number {
  if (format === 'F32') return 4 * up(width, 4);
  if (format === 'F16' || format === 'BF16') return 2 * up(width, 8);
  const groups = Math.ceil(width / GROUP);
  if (format === 'Q4') return 2 * up(groups, 8) + 16 * groups;
  return 16 + up(width, 16);
}

/** Bytes of the scratch a part needs for a panel. */
export function widened_bytes(format: FormatName, k: number): number {
  return format === 'Q8D' ? 64 * Math.ceil(k / 2) : 64 * (k + 1);
}

/** Nearest integer, ties to even. */
export function to_even(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest === 0.5) return (down % 2 === 0 ? down : down + 1) + 0; // an integer has no −0
  return (rest < 0.5 ? down : down + 1) + 0;
}

/** x with `bits` mantissa bits behind the point and exponents from `least` to `most`; an infinity beyond. */
function rounded(x: number, bits: number, least: number, most: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  let exponent = least;
  while (exponent <= most && Math.abs(x) >= 2 ** (exponent + 1)) exponent++;
  const ulp = 2 ** (exponent - bits);
  const value = to_even(Math.abs(x) / ulp) * ulp;
  return Math.sign(x) * (value >= 2 ** (most + 1) ? Infinity : value);
}

export const to_half = (x: number): number => rounded(x, 10, -14, 15);
export const to_bfloat = (x: number): number => rounded(x, 7, -126, 127);

/** Bits of a number that is a half. */
export function half_bits(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const a = Math.abs(x);
  if (a === Infinity) return sign | 0x7c00;
  if (a < 2 ** -14) return sign | (a * 2 ** 24);
  const exponent = Math.floor(Math.log2(a));
  return sign | ((exponent + 15) << 10) | ((a / 2 ** exponent - 1) * 1024);
}

/** Upper half of a float's bits. */
export function upper_bits(x: number): number {
  if (Number.isNaN(x)) return 0x7fc0;
  return new Uint32Array(Float32Array.of(x).buffer)[0]! >>> 16;
}

/** Integers and the scale that they stand for. */
export interface Scaled {
  readonly q: readonly number[];
  readonly scale: number;
}

const TINY = 2 ** -100;

/** 8 bits for a column of weights or a row of activations. */
export function eight_bits(values: ArrayLike<number>): Scaled {
  const list = Array.from(values);
  const largest = list.some(Number.isNaN) ? NaN : list.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
  if (!Number.isFinite(largest)) return { q: list.map(() => 0), scale: NaN };
  if (largest < TINY) return { q: list.map(() => 0), scale: 0 };
  const factor = Math.fround(127 / largest);
  return { q: list.map((v) => to_even(Math.fround(v * factor))), scale: Math.fround(largest / 127) };
}

function four_bits_with(values: readonly number[], scale: number): Scaled & { error: number } {
  const factor = scale === 0 ? 0 : Math.fround(1 / scale);
  const q = values.map((v) => Math.min(7, Math.max(-8, to_even(Math.fround(v * factor)))));
  // Summed in four lanes, as every sum along a row.
  const lanes = [0, 0, 0, 0];
  values.forEach((v, i) => {
    const e = Math.fround(v - Math.fround(q[i]! * scale));
    lanes[i % 4] = Math.fround(lanes[i % 4]! + Math.fround(e * e));
  });
  const [a, b, c, d] = lanes as [number, number, number, number];
  return { q, scale, error: Math.fround(Math.fround(a + b) + Math.fround(c + d)) };
}

/** 4 bits for up to 32 numbers: the largest becomes ±7, or −8 where that leaves the smaller squared error. */
export function four_bits(values: ArrayLike<number>): Scaled {
  const list = Array.from(values);
  const extreme = list.reduce((a, v) => (Math.abs(v) > Math.abs(a) ? v : a), 0);
  const sevenths = four_bits_with(list, to_half(Math.fround(Math.abs(extreme) / 7)));
  const eighths = four_bits_with(list, to_half(Math.fround(extreme / -8)));
  return eighths.error < sevenths.error ? eighths : sevenths;
}

/** The numbers [rows, width] as they are when read back; in Q4 and Q8 a row has its own scales. */
export function restored(format: FormatName, numbers: Float32Array, width: number): Float32Array {
  const out = new Float32Array(numbers.length);
  for (let at = 0; at < numbers.length; at += width) {
    const row = Array.from(numbers.subarray(at, at + width));
    if (format === 'F16') out.set(row.map(to_half), at);
    else if (format === 'BF16') out.set(row.map(to_bfloat), at);
    else if (format === 'F32') out.set(row, at);
    else if (format === 'Q4') {
      for (let g = 0; g < width; g += GROUP) {
        const { q, scale } = four_bits(row.slice(g, g + GROUP));
        out.set(
          q.map((v) => v * scale + 0),
          at + g,
        );
      }
    } else {
      const { q, scale } = eight_bits(row);
      out.set(
        q.map((v) => v * scale),
        at,
      );
    }
  }
  return out;
}

/** Panels of the columns [n, k] with their biases, byte by byte. */
export function panels(
  format: FormatName,
  n: number,
  k: number,
  columns: Float32Array,
  bias: Float32Array,
): Uint8Array {
  const size = panel_bytes(format, k);
  const bytes = new Uint8Array(Math.ceil(n / NR) * size);
  const view = new DataView(bytes.buffer);
  for (let j = 0; j < n; j++) {
    const panel = Math.floor(j / NR) * size;
    const c = j % NR;
    const column = columns.subarray(j * k, (j + 1) * k);
    view.setFloat32(panel + 4 * c, bias[j]!, true);
    if (format === 'F32')
      column.forEach((v, i) => {
        view.setFloat32(panel + 64 + 64 * i + 4 * c, v, true);
      });
    else if (format === 'F16' || format === 'BF16')
      column.forEach((v, i) => {
        view.setUint16(panel + 64 + 32 * i + 2 * c, two_bytes(format, v), true);
      });
    else if (format === 'Q4') {
      for (let g = 0; g * GROUP < k; g++) {
        const { q, scale } = four_bits(column.subarray(g * GROUP, (g + 1) * GROUP));
        const group = panel + 64 + 288 * g;
        view.setUint16(group + 2 * c, half_bits(scale), true);
        q.forEach((v, i) => (bytes[group + 32 + 8 * i + (c % 8)]! |= (v & 15) << (c < 8 ? 0 : 4)));
      }
    } else {
      const { q, scale } = eight_bits(column);
      view.setFloat32(panel + 64 + 4 * c, scale, true);
      q.forEach((v, i) => {
        view.setInt8(panel + 128 + 32 * (i >> 1) + 2 * c + (i % 2), v);
      });
    }
  }
  return bytes;
}

/** A table's rows, byte by byte. */
export function table(format: FormatName, rows: number, width: number, numbers: Float32Array): Uint8Array {
  const size = row_bytes(format, width);
  const bytes = new Uint8Array(rows * size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < rows; i++) {
    const at = i * size;
    const row = numbers.subarray(i * width, (i + 1) * width);
    if (format === 'F32')
      row.forEach((v, j) => {
        view.setFloat32(at + 4 * j, v, true);
      });
    else if (format === 'F16' || format === 'BF16')
      row.forEach((v, j) => {
        view.setUint16(at + 2 * j, two_bytes(format, v), true);
      });
    else if (format === 'Q4') {
      const groups = Math.ceil(width / GROUP);
      const head = at + 2 * up(groups, 8);
      for (let g = 0; g < groups; g++) {
        const { q, scale } = four_bits(row.subarray(g * GROUP, (g + 1) * GROUP));
        view.setUint16(at + 2 * g, half_bits(scale), true);
        q.forEach((v, j) => (bytes[head + 16 * g + (j % 16)]! |= (v & 15) << (j < 16 ? 0 : 4)));
      }
    } else {
      const { q, scale } = eight_bits(row);
      view.setFloat32(at, scale, true);
      q.forEach((v, j) => {
        view.setInt8(at + 16 + j, v);
      });
    }
  }
  return bytes;
}

function two_bytes(format: 'F16' | 'BF16', x: number): number {
  return format === 'F16' ? half_bits(to_half(x)) : upper_bits(to_bfloat(x));
}

/** Floats of a row of 8-bit activations. */
export function eight_bit_width(k: number): number {
  return 4 + up(k, 8) / 2;
}

/** Rows [m, k] as Quantize leaves them. */
export function eight_bit_rows(a: Float32Array, k: number): { data: Int32Array; width: number } {
  const width = eight_bit_width(k);
  const m = a.length / k;
  const data = new Int32Array(m * width);
  const view = new DataView(data.buffer);
  for (let i = 0; i < m; i++) {
    const { q, scale } = eight_bits(a.subarray(i * k, (i + 1) * k));
    view.setFloat32(4 * i * width, scale, true);
    q.forEach((v, j) => {
      view.setInt16(4 * i * width + 16 + 2 * j, v, true);
    });
  }
  return { data, width };
}

export const number_of = (format: FormatName): number => Format[format];
