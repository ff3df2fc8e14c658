// Weights made from a name and a position: the full align-base shape without a file. test/golden/counter.py is the
// same generator, bit for bit; both read scale and offset from test/golden/align-base/rules.json.

import { readFileSync } from 'node:fs';
import { check_range, type ByteSource } from '../../src/host/checkpoint/source.ts';

interface Rule {
  ends: string;
  scale: number;
  offset: number;
  fan_in?: boolean;
}

const load = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../golden/align-base/${file}`, import.meta.url), 'utf8'));
const { rules } = load('rules.json') as { rules: Rule[] };

/** Name and shape of the 1,394 tensors of align-base, in state-dict order; num_batches_tracked are int64 scalars. */
export const TENSORS: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries(load('tensors.json') as Record<string, number[]>),
);

/** FNV-1a, 32 bits. */
function seed_of(name: string): number {
  let seed = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) seed = Math.imul(seed ^ name.charCodeAt(i), 0x01000193);
  return seed;
}

/** The first rule whose `ends` ends the name; with `fan_in`, scaled by what a linear map or convolution sums over. */
function scale_and_offset(name: string, shape: readonly number[]): [scale: number, offset: number] {
  const rule = rules.find(({ ends }) => name.endsWith(ends));
  if (rule === undefined) throw new Error(`rules.json has no rule for ${name}`);
  const fan_in = rule.fan_in ? shape.slice(1).reduce((a, b) => a * b, 1) : 1;
  return [Math.fround(rule.scale / Math.sqrt(fan_in)), Math.fround(rule.offset)];
}

/** Writes elements `first` … `first + out.length - 1` of the tensor `name` of `shape`. */
export function fill_range(name: string, shape: readonly number[], first: number, out: Float32Array): void {
  const [scale, offset] = scale_and_offset(name, shape);
  const unit = scale * 2 ** -23;
  const seed = seed_of(name);
  for (let i = 0; i < out.length; i++) {
    let x = Math.imul(first + i, 0x9e3779b9);
    x ^= x >>> 16;
    x = Math.imul(x, 0x7feb352d) + seed;
    x ^= x >>> 15;
    x = Math.imul(x, 0x846ca68b);
    x ^= x >>> 16;
    // 24 bits times 24 bits is exact in a double: one rounding, then the store rounds the sum, as float32 would.
    out[i] = Math.fround(((x >>> 8) - 0x800000) * unit) + offset;
  }
}

/** Grid lines a side of the pattern of {@link smooth_images}. */
const GRID = 6;

/** Pictures [count, channels, height, width] in [-1, 1): a coarse random grid, interpolated linearly, exact up to the
 * last division. */
export function smooth_images(name: string, shape: readonly number[]): Float32Array {
  const [count, channels, height, width] = shape as [number, number, number, number];
  const grid = new Float32Array(count * channels * GRID * GRID);
  fill_range(name, [count, channels, GRID, GRID], 0, grid);
  const out = new Float32Array(count * channels * height * width);
  const area = (height - 1) * (width - 1);
  let o = 0;
  for (let plane = 0; plane < count * channels; plane++) {
    for (let y = 0; y < height; y++) {
      const [row, below] = divmod(y * (GRID - 1), height - 1);
      for (let x = 0; x < width; x++) {
        const [column, right] = divmod(x * (GRID - 1), width - 1);
        // A weight of zero keeps the line behind the last one from counting.
        const at = (dy: number, dx: number): number =>
          grid[plane * GRID * GRID + Math.min(row + dy, GRID - 1) * GRID + Math.min(column + dx, GRID - 1)]!;
        const top = at(0, 0) * (width - 1 - right) + at(0, 1) * right;
        const bottom = at(1, 0) * (width - 1 - right) + at(1, 1) * right;
        out[o++] = (top * (height - 1 - below) + bottom * below) / area;
      }
    }
  }
  return out;
}

const divmod = (a: number, b: number): [number, number] => [Math.floor(a / b), a % b];

/** align-base's model.safetensors, 690 MB, of which any range is computed when it is read. */
export function counter_source(tensors: ReadonlyMap<string, readonly number[]> = TENSORS): ByteSource {
  const places: { name: string; shape: readonly number[]; start: number; end: number }[] = [];
  const entries: Record<string, unknown> = {};
  let end = 0;
  for (const [name, shape] of tensors) {
    const start = end;
    const counter = is_counter(name);
    end += shape.reduce((a, b) => a * b, 1) * (counter ? 8 : 4);
    places.push({ name, shape, start, end });
    entries[name] = { dtype: counter ? 'I64' : 'F32', shape, data_offsets: [start, end] };
  }
  const text = JSON.stringify(entries);
  const data_start = Math.ceil((8 + text.length) / 8) * 8;
  const head = new Uint8Array(data_start).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(data_start - 8), true);
  head.set(new TextEncoder().encode(text), 8);

  return {
    name: 'align-base (computed)',
    size: data_start + end,
    read(from, to) {
      return new Promise((resolve) => {
        check_range(this, from, to);
        const bytes = new Uint8Array(to - from);
        bytes.set(head.subarray(from, to));
        for (const place of places) {
          const low = Math.max(from, data_start + place.start);
          const high = Math.min(to, data_start + place.end);
          if (low >= high || is_counter(place.name)) continue;
          const first = (low - data_start - place.start) >> 2;
          const last = (high - data_start - place.start + 3) >> 2;
          const values = new Float32Array(last - first);
          fill_range(place.name, place.shape, first, values);
          const skip = low - data_start - place.start - 4 * first;
          bytes.set(new Uint8Array(values.buffer, skip, high - low), low - from);
        }
        resolve(bytes);
      });
    },
  };
}

/** An int64 scalar that inference does not use; it is zero. */
const is_counter = (name: string): boolean => name.endsWith('num_batches_tracked');
