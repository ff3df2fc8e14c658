// assembly/search: the kernels of AlignIndex against loops, in memory where nothing beside their operands may be touched.

import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { compile, Instance } from '../../src/host/wasm/module.ts';
import { GuardedMemory } from './support/memory.ts';
import { Random } from './support/random.ts';

const up = (n: number, to: number): number => Math.ceil(n / to) * to;
const WIDTHS = [1, 3, 15, 16, 17, 32, 33, 100, 640];
const U = 2 ** -24;

const module = await compile();

/** Places for operands and results, and what is written to them. */
class Bench {
  readonly memory = new GuardedMemory(new Instance(module));
  /** The module's exports, which may write results and nothing else. */
  readonly exports: Instance['exports'];

  constructor() {
    const plain = Object.entries(this.memory.instance.exports) as [
      string,
      (...given: unknown[]) => unknown,
    ][];
    const guarded = plain.map(([name, run]) => [
      name,
      typeof run === 'function' ? (...given: unknown[]) => this.#guarded(() => run(...given)) : run,
    ]);
    this.exports = Object.fromEntries(guarded) as Instance['exports'];
  }

  #guarded(call: () => unknown): unknown {
    let result: unknown;
    this.memory.guard(() => (result = call()));
    return result;
  }

  put(
    data: Float32Array | Uint32Array | Int16Array | Int8Array | Uint8Array,
    bytes: number = data.byteLength,
  ): number {
    const at = this.memory.place(bytes);
    const place = this.memory.instance.bytes(at, bytes).fill(0);
    place.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return at;
  }

  /** A result that is not written whole, but begins with `data`. */
  begin(data: Uint32Array): number {
    const at = this.memory.result(data.byteLength);
    this.memory.instance.u32(at, data.length).set(data);
    return at;
  }

  f32(at: number, count: number): Float32Array {
    return this.memory.instance.f32(at, count).slice();
  }
}

/** rows of i8 in −127 … 127, `stride` bytes each, zeros behind `width`. */
function rows_i8(random: Random, count: number, width: number, stride: number): Int8Array {
  const rows = new Int8Array(count * stride);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < width; j++) rows[i * stride + j] = Math.round(random.next() * 254) - 127;
  return rows;
}

test.each([0, 1, 7, 8, 9, 1000, 65_536])(
  'crc32 of %i bytes is that of zlib, in one piece and in several',
  (size) => {
    const bench = new Bench();
    const tables = bench.memory.result(8192);
    bench.exports.crc32_init(tables);
    const bytes = Uint8Array.from(new Random(size).integers(size, 256));
    const at = bench.put(bytes);
    expect(bench.exports.crc32(tables, 0, at, size) >>> 0).toBe(crc32(bytes));
    const part = Math.floor(size / 3);
    const first = bench.exports.crc32(tables, 0, at, part);
    expect(bench.exports.crc32(tables, first, at + part, size - part) >>> 0).toBe(crc32(bytes));
  },
);

describe.each(WIDTHS)('rows of %i numbers', (width) => {
  const random = new Random(width);
  const stride = up(width, 16);

  test('are quantised to the nearest step, have the scale of length 1, their signs as bits, and come back', () => {
    for (let turn = 0; turn < 20; turn++) {
      const bench = new Bench();
      const x = random.floats(width);
      const at = bench.put(x, 4 * stride);
      const q = bench.memory.result(stride);
      const residuals = bench.memory.result(stride / 8);
      bench.exports.index_quantize(at, stride, q, residuals);
      const high = new Int8Array(bench.memory.instance.bytes(q, stride).slice().buffer);
      const low = bench.memory.instance.bytes(residuals, stride / 8).slice();
      const got = Int16Array.from(high, (value, i) => 2 * value + ((low[i >> 3]! >> (i & 7)) & 1));
      const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      x.forEach((value, i) => expect(Math.abs(got[i]! - (value * 255) / largest)).toBeLessThan(0.5001));
      expect(Math.max(...got.map(Math.abs))).toBe(255);
      expect(got.slice(width).every((value) => value === 0)).toBe(true);

      const squares = got.reduce((sum, value) => sum + value * value, 0);
      const scale = bench.exports.index_scale(q, residuals, stride);
      expect(scale).toBe(Math.fround(1 / Math.sqrt(squares)));

      const bits = bench.memory.result(stride / 8);
      bench.exports.index_bits(q, stride, bits);
      const set = bench.memory.instance.bytes(bits, stride / 8);
      got.forEach((value, i) => expect((set[i >> 3]! >> (i & 7)) & 1).toBe(Number(value < 0)));

      const out = bench.memory.result(4 * stride);
      bench.exports.index_row(q, residuals, stride, scale, out);
      expect(bench.f32(out, stride)).toEqual(Float32Array.from(got, (v) => v * scale));
      const again = [bench.memory.result(stride), bench.memory.result(stride / 8)] as const;
      bench.exports.index_quantize(out, stride, ...again);
      expect(bench.memory.instance.bytes(again[0], stride)).toEqual(bench.memory.instance.bytes(q, stride));
      expect(bench.memory.instance.bytes(again[1], stride / 8)).toEqual(low);
    }
  });

  test('that no vector gives have no scale', () => {
    for (const [most, bit] of [
      [0, 0],
      [0, 1],
      [126, 1],
      [127, 0],
      [-128, 0],
      [-127, 0],
    ] as const) {
      const bench = new Bench();
      const q = new Int8Array(stride);
      q[width - 1] = most;
      const residuals = new Uint8Array(stride / 8);
      residuals[(width - 1) >> 3] = bit << ((width - 1) & 7);
      expect(bench.exports.index_scale(bench.put(q), bench.put(residuals), stride)).toBe(Infinity);
    }
  });

  test('have an exact dot product in order of the index', () => {
    const bench = new Bench();
    const [a, b] = [random.floats(width), random.floats(width)];
    const wanted = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    expect(bench.exports.index_dot(bench.put(a), bench.put(b), width)).toBe(wanted);
  });

  test('of f32 are scored within the error that the search allows, alone and in panels', () => {
    const padded = up(width, 4);
    for (const count of [1, 3, 4, 9]) {
      const bench = new Bench();
      const rows = new Float32Array(up(count, 4) * padded);
      for (let i = 0; i < count; i++) rows.set(random.floats(width), i * padded);
      const queries = Array.from({ length: 16 }, () => random.floats(width));
      const at = bench.put(rows);
      const panel = new Float32Array(16 * (width + 1));
      queries.forEach((query, j) => query.forEach((value, i) => (panel[(i + 1) * 16 + j] = value)));
      const out = bench.memory.result(count * 64);
      bench.exports.index_scan_panel_f32(bench.put(panel), at, 4 * padded, width, count, out);
      const all = bench.f32(out, count * 16);
      queries.forEach((query, j) => {
        const alone = bench.memory.result(4 * up(count, 4));
        bench.exports.index_scan_f32(bench.put(query, 4 * padded), at, 4 * padded, count, alone);
        const scores = bench.f32(alone, count);
        for (let i = 0; i < count; i++) {
          const terms = Array.from(query, (value, k) => value * rows[i * padded + k]!);
          const exact = terms.reduce((sum, term) => sum + term, 0);
          const bound = 1.01 * (width + 8) * U * terms.reduce((sum, term) => sum + Math.abs(term), 0);
          expect(Math.abs(scores[i]! - exact)).toBeLessThanOrEqual(bound);
          expect(Math.abs(all[i * 16 + j]! - exact)).toBeLessThanOrEqual(bound);
        }
      });
    }
  });

  test('of int8 have exact products, the same alone and in panels', () => {
    for (const count of [1, 3, 4, 65]) {
      const bench = new Bench();
      const rows = rows_i8(random, up(count, 4), width, stride);
      const scales = random.floats(up(count, 4), 0.001, 0.1);
      const queries = Array.from({ length: 16 }, () =>
        Int16Array.from(random.integers(width, 9000), (v) => v - 4500),
      );
      const steps = random.floats(16, 1e-5, 1e-4);
      const mores = random.floats(16, 0, 20);
      const [at, scale] = [bench.put(rows), bench.put(scales)];
      const head = new Uint8Array(128 + 32 * stride);
      new Float32Array(head.buffer, 0, 32).set([...mores, ...steps]);
      const panel = new Int16Array(head.buffer, 128);
      queries.forEach((query, j) =>
        query.forEach((value, i) => (panel[(i >> 1) * 32 + 2 * j + (i & 1)] = value)),
      );
      const [out, wide] = [bench.memory.result(count * 64), bench.memory.result(64 * (16 + 2 * stride))];
      const placed = bench.put(head);
      bench.exports.index_scan_panel_i8(placed, placed + 128, at, stride, count, scale, wide, out);
      const all = bench.f32(out, count * 16);
      queries.forEach((query, j) => {
        const alone = bench.memory.result(4 * up(count, 4));
        const placed = bench.put(query, 2 * stride);
        const { exports } = bench;
        exports.index_scan_i8(placed, at, stride, count, scale, steps[j]!, mores[j]!, alone);
        const scores = bench.f32(alone, count);
        for (let i = 0; i < count; i++) {
          const sum = query.reduce((sum, value, k) => sum + value * rows[i * stride + k]!, 0);
          const product = Math.fround(Math.fround(sum) * steps[j]!);
          expect(scores[i]).toBe(Math.fround(Math.fround(product + mores[j]!) * scales[i]!));
          expect(all[i * 16 + j]).toBe(scores[i]);
        }
      });
    }
  });

  test('are told apart by the bits that differ, and scored where these are few', () => {
    const bytes = up(Math.ceil(width / 8), 16);
    const bits = 8 * bytes;
    for (const count of [1, 4, 5, 9, 70]) {
      const bench = new Bench();
      const query = Uint8Array.from(random.integers(bytes, 256));
      const rows = Uint8Array.from(random.integers(up(count, 4) * bytes, 256));
      rows.set(query);
      rows.set(
        query.map((byte) => ~byte),
        (count - 1) * bytes,
      );
      const distances = bench.memory.result(2 * up(count, 8));
      const how_many = bench.begin(new Uint32Array(bits + 1).fill(7));
      const { exports } = bench;
      exports.index_scan_bits(bench.put(query), bench.put(rows), bytes, count, distances, how_many);
      const ones = (byte: number): number => byte.toString(2).replaceAll('0', '').length;
      const wanted = Array.from({ length: count }, (_, i) =>
        query.reduce((sum, byte, k) => sum + ones(byte ^ rows[i * bytes + k]!), 0),
      );
      expect(wanted.at(-1)).toBe(bits);
      const got = bench.memory.instance.bytes(distances, 2 * count).slice();
      expect([...new Uint16Array(got.buffer)]).toEqual(wanted);
      const counted = Array.from(
        { length: bits + 1 },
        (_, d) => 7 + wanted.filter((one) => one === d).length,
      );
      expect([...bench.memory.instance.u32(how_many, bits + 1)]).toEqual(counted);

      const numbers = rows_i8(random, up(count, 4), width, stride);
      const vector = Int16Array.from(random.integers(width, 9000), (v) => v - 4500);
      const scales = random.floats(up(count, 4), 0.001, 0.1);
      const placed = [bench.put(vector, 2 * stride), bench.put(numbers), stride, count] as const;
      const scale = bench.put(scales);
      const all = bench.memory.result(4 * up(count, 4));
      exports.index_scan_i8(...placed, scale, 1e-5, 3, all);
      for (const most of [0, bits / 2 - 3, bits / 2, bits - 1, bits, 65_535, 65_536]) {
        const hits = bench.memory.result(8 * count);
        const found = exports.index_score_near(...placed, distances, most, scale, 1e-5, 3, hits);
        const near = Array.from(wanted.keys()).filter((i) => wanted[i]! <= most);
        const indices = bench.memory.instance.u32(hits, 2 * found).filter((_, i) => i % 2 === 0);
        expect([...indices]).toEqual(near);
        const scores = bench.f32(hits, 2 * found).filter((_, i) => i % 2);
        const same = bench.f32(all, count).filter((_, i) => near.includes(i));
        expect(scores).toEqual(same);
      }
    }
  });
});

test('integers of the largest rows and queries do not overflow', () => {
  const bench = new Bench();
  const width = 65_536;
  const rows = new Int8Array(4 * width).fill(-128);
  const query = new Int16Array(width).fill(255); // Σ |q| < 2²⁴
  const [at, scales] = [bench.put(rows), bench.put(Float32Array.of(1, 1, 1, 1))];
  const out = bench.memory.result(16);
  bench.exports.index_scan_i8(bench.put(query), at, width, 4, scales, 1, 0, out);
  expect([...bench.f32(out, 4)]).toEqual(new Array(4).fill(-128 * 255 * width));
  rows.fill(127);
  const [q, residuals] = [bench.put(rows), bench.put(new Uint8Array(width / 8).fill(255))];
  expect(bench.exports.index_scale(q, residuals, width)).toBe(Math.fround(1 / (255 * Math.sqrt(width))));
});

test('index_select gives the scores that reach their lane, in order', () => {
  const random = new Random(1);
  for (const count of [16, 48, 1024]) {
    const bench = new Bench();
    const scores = random.floats(count);
    const least = random.floats(16, 0.2, 1.2);
    least[3] = Infinity;
    least[4] = -Infinity;
    least[5] = scores[5]!;
    const hits = bench.memory.result(8 * count);
    const found = bench.exports.index_select(bench.put(scores), count, bench.put(least), hits);
    const wanted = Array.from(scores.keys()).filter((i) => scores[i]! >= least[i % 16]!);
    expect(wanted).toContain(5);
    expect([...bench.memory.instance.u32(hits, 2 * found)].filter((_, i) => i % 2 === 0)).toEqual(wanted);
    expect([...bench.f32(hits, 2 * found)].filter((_, i) => i % 2)).toEqual(wanted.map((i) => scores[i]));
  }
});
