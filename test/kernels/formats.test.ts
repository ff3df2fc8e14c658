// assembly/pack/narrow.ts: weights packed in the narrow formats, byte for byte; what a format cannot hold is counted.

import { assert, describe, expect, test } from 'vitest';
import { random_norm } from './support/convolutions.ts';
import * as formats from './support/formats.ts';
import { NARROW, type FormatName } from './support/formats.ts';
import { GuardedMemory } from './support/memory.ts';
import { Random } from './support/random.ts';
import { test_instance } from './support/run_op.ts';
import {
  block_bytes,
  conv_block,
  linear_block,
  pack_counted,
  table_block,
  type Block,
  type BlockSource,
} from './support/weights.ts';

const TABLES = NARROW.filter((format) => format !== 'Q8D');
const COLUMNS = [1, 3, 16, 17, 50];
const STEPS = [1, 3, 5, Infinity];

async function packed(block: Block, step?: number, backwards?: boolean): Promise<Uint8Array> {
  const memory = new GuardedMemory(await test_instance());
  const { at, lost } = pack_counted(memory, block, step, backwards);
  expect(lost).toBe(0);
  return memory.instance.bytes(at, block_bytes(block)).slice();
}

function expect_bytes(got: Uint8Array, want: Uint8Array, what: string): void {
  assert.strictEqual(got.length, want.length, `${what}: bytes`);
  const at = got.findIndex((byte, i) => byte !== want[i]);
  if (at >= 0) assert.fail(`${what}: byte ${at} is ${got[at]!}, not ${want[at]!}`);
}

async function expect_packed(block: Block, want: Uint8Array, what: string): Promise<void> {
  for (const step of STEPS)
    for (const backwards of [false, true])
      expect_bytes(await packed(block, step, backwards), want, `${what}, ${step} rows at a time`);
}

/** Weights of very different sizes, some of them zero. */
function weights(random: Random, count: number): Float32Array {
  const large = random.floats(count);
  const small = random.floats(count, -0.01, 0.01);
  return large.map((v, i) => (i % 7 === 3 ? 0 : i % 3 === 0 ? v : small[i]!));
}

describe.each(NARROW)('In %s', (format) => {
  test('a Linear of any size is rounded column by column', async () => {
    const random = new Random(1);
    for (const n of COLUMNS)
      for (const k of [1, 2, 5, 31, 32, 33, 70]) {
        const [columns, bias] = [weights(random, n * k), random.floats(n)];
        const want = formats.panels(format, n, k, columns, bias);
        await expect_packed({ ...linear_block(n, k, columns, bias), format }, want, `${n} × ${k}`);
      }
  });

  test('query, key and value go side by side', async () => {
    const random = new Random(2);
    const [n, k] = [11, 37];
    const columns = weights(random, 3 * n * k);
    const bias = random.floats(3 * n);
    const sources = [0, 1, 2].flatMap((i): BlockSource[] => [
      { part: 'Bias', data: bias.slice(i * n, (i + 1) * n), rows: n, row: n * i },
      { part: 'Weight', data: columns.slice(i * n * k, (i + 1) * n * k), rows: n, row: n * i },
    ]);
    const block: Block = { packing: 'Panels', format, rows: 3 * n, depth: k, channels: k, taps: 1, sources };
    await expect_packed(block, formats.panels(format, 3 * n, k, columns, bias), 'qkv');
  });

  test('a batch norm is folded in before the rounding', async () => {
    const random = new Random(3);
    for (const n of COLUMNS) {
      const k = 35;
      const [columns, norm] = [weights(random, n * k), random_norm(random, n)];
      const scale = Array.from(norm.gamma, (g, j) => g / Math.sqrt(norm.variance[j]! + norm.eps));
      const bias = Float32Array.from(norm.beta, (b, j) => b - norm.mean[j]! * scale[j]!);
      const folded = columns.map((v, i) => v * scale[Math.floor(i / k)]!);
      const want = formats.panels(format, n, k, folded, bias);
      await expect_packed({ ...conv_block(n, k, 1, columns, norm), format }, want, `${n} columns`);
    }
  });

  test('a column of zeros, one too small for a scale and the largest float are no exceptions', async () => {
    const k = 33;
    const rows = [0, 1e-40, 1e-30, 2 ** -100, 2 ** -24, 1, 60000].map((v) =>
      Float32Array.from({ length: k }, (_, i) => (v * (i - 16)) / 16),
    );
    const columns = Float32Array.from(rows.flatMap((row) => [...row]));
    const bias = new Float32Array(rows.length);
    const want = formats.panels(format, rows.length, k, columns, bias);
    await expect_packed({ ...linear_block(rows.length, k, columns, bias), format }, want, 'columns');
  });

  test('elements of every type on disk are read', async () => {
    const k = 40;
    const f64 = Float64Array.from({ length: k }, (_, i) => Math.sin(i));
    const i8 = Int8Array.from({ length: k }, (_, i) => i * 7 - 128);
    const i64 = BigInt64Array.from({ length: k }, (_, i) => BigInt(i * i - 300));
    const bf16 = Uint16Array.from(f64, (v) => formats.upper_bits(formats.to_bfloat(v)));
    const f16 = Uint16Array.from(f64, (v) => formats.half_bits(formats.to_half(v)));
    for (const [dtype, data, values] of [
      ['F64', f64, f64],
      ['I8', i8, i8],
      ['I64', i64, Array.from(i64, Number)],
      ['BF16', bf16, Array.from(f64, formats.to_bfloat)],
      ['F16', f16, Array.from(f64, formats.to_half)],
    ] as const) {
      const source: BlockSource = { part: 'Weight', dtype, data, rows: 1 };
      const shape = { format, rows: 1, channels: k, taps: 1, sources: [source] };
      const want = formats.panels(format, 1, k, Float32Array.from(values), new Float32Array(1));
      await expect_packed({ ...shape, packing: 'Panels', depth: k }, want, dtype);
    }
  });
});

test.each(TABLES)('A table in %s keeps its rows, one run of bytes each', async (format) => {
  const random = new Random(4);
  for (const width of [1, 4, 6, 19, 32, 36, 300]) {
    const numbers = weights(random, 9 * width);
    const want = formats.table(format, 9, width, numbers);
    await expect_packed({ ...table_block(9, width, numbers), format }, want, `width ${width}`);
  }
});

describe('Halves and bfloats', () => {
  const column = async (format: FormatName, values: readonly number[]): Promise<Uint16Array> => {
    const numbers = Float32Array.from(values);
    const bytes = await packed({ ...table_block(1, values.length, numbers), format });
    return new Uint16Array(bytes.buffer).slice(0, values.length);
  };

  test('every half and every bfloat survives', async () => {
    for (const format of ['F16', 'BF16'] as const) {
      const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
      const source: BlockSource = { part: 'Weight', dtype: format, data: all, rows: 1 };
      const shape = { rows: 1, depth: 65536, channels: 65536, taps: 1, sources: [source] };
      const bytes = await packed({ ...shape, packing: 'Rows', format });
      const got = new Uint16Array(bytes.buffer);
      const infinity = format === 'F16' ? 0x7c00 : 0x7f80;
      for (let i = 0; i < 65536; i++) {
        if ((i & 0x7fff) > infinity) expect(got[i]! & 0x7fff).toBeGreaterThan(infinity);
        else assert.strictEqual(got[i], i);
      }
    }
  });

  test('ties go to even, in subnormals too', async () => {
    const half = [1, 3, 5].flatMap((i) => [i * 2 ** -25, 1 + i * 2 ** -11, (1023 + i / 2) * 2 ** -24]);
    expect(await column('F16', half)).toEqual(
      Uint16Array.from(half, (v) => formats.half_bits(formats.to_half(v))),
    );
    const bfloat = [1, 3, 5].flatMap((i) => [i * 2 ** -134, 1 + i * 2 ** -8, -1 - i * 2 ** -8]);
    expect(await column('BF16', bfloat)).toEqual(
      Uint16Array.from(bfloat, (v) => formats.upper_bits(formats.to_bfloat(v))),
    );
  });
});

describe('What a format cannot hold is counted', () => {
  const lost = async (format: FormatName, values: readonly number[]): Promise<number> => {
    const block = table_block(1, values.length, Float32Array.from(values));
    const panels = linear_block(1, values.length, Float32Array.from(values), new Float32Array(1));
    const counts = [block, panels].map((b) => async () => {
      return pack_counted(new GuardedMemory(await test_instance()), { ...b, format }).lost;
    });
    const [in_table, in_panel] = [await counts[0]!(), await counts[1]!()];
    expect(in_table).toBe(in_panel);
    return in_panel;
  };

  test('finite weights that round to infinity', async () => {
    expect(await lost('F16', [65504, 65519, -65519.9, 1e-9])).toBe(0);
    expect(await lost('F16', [65520, 1, -1e6, 3e38])).toBe(3);
    expect(await lost('BF16', [65520, 3e38])).toBe(0);
    expect(await lost('BF16', [3.4028e38])).toBe(1);
    expect(await lost('Q4', [458000, 1])).toBe(0);
    expect(await lost('Q4', [600000, 1])).toBe(1);
    expect(await lost('Q8', [3.4e38, 1])).toBe(0);
  });

  test('not those that were infinite or NaN before', async () => {
    for (const format of TABLES) expect(await lost(format, [Infinity, 1, -Infinity, NaN])).toBe(0);
  });
});
