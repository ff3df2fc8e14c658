// assembly/pack: checkpoint tensors to packed blocks, in row ranges of any size and from any element type.

import { describe, expect, test } from 'vitest';
import { NR } from '../../src/host/plan/layout.ts';
import { random_norm } from './support/convolutions.ts';
import { expect_same_bits } from './support/compare.ts';
import { GuardedMemory } from './support/memory.ts';
import { Random } from './support/random.ts';
import { test_instance } from './support/run_op.ts';
import {
  block_bytes,
  conv_block,
  depthwise_block,
  linear_block,
  norm_sources,
  pack_block,
  round_up,
  rows_block,
  table_block,
  type Block,
  type BlockSource,
  type DiskData,
  type Norm,
} from './support/weights.ts';

async function packed(block: Block, step?: number): Promise<Float32Array> {
  const memory = new GuardedMemory(await test_instance());
  const at = pack_block(memory, block, step);
  return memory.instance.f32(at, block_bytes(block) / 4).slice();
}

/** Panels of 16 columns: their biases, then row k of each, k ascending. */
function panels(
  n: number,
  depth: number,
  bias: (j: number) => number,
  w: (j: number, k: number) => number,
): Float32Array {
  const out = new Float32Array(Math.ceil(n / NR) * NR * (depth + 1));
  for (let j = 0; j < n; j++) {
    const panel = Math.floor(j / NR) * NR * (depth + 1) + (j % NR);
    out[panel] = bias(j);
    for (let k = 0; k < depth; k++) out[panel + (k + 1) * NR] = w(j, k);
  }
  return out;
}

function folded({ gamma, beta, mean, variance, eps }: Norm, j: number): { scale: number; shift: number } {
  const scale = gamma[j]! / Math.sqrt(variance[j]! + eps);
  return { scale, shift: beta[j]! - mean[j]! * scale };
}

const STEPS = [1, 3, 5, Infinity];
const random = new Random(11);

describe.each([1, 3, 16, 17, 50])('With %i rows, in ranges of 1, 3, 5 and all rows', (n) => {
  test('a Linear goes into panels, its bias first', async () => {
    for (const k of [1, 6, 33]) {
      const [weight, bias] = [random.floats(n * k), random.floats(n)];
      const want = panels(
        n,
        k,
        (j) => bias[j]!,
        (j, i) => weight[j * k + i]!,
      );
      for (const step of STEPS)
        expect_same_bits(await packed(linear_block(n, k, weight, bias), step), want, `depth ${k}`);
    }
  });

  test('query, key and value go side by side', async () => {
    const k = 7;
    const parts = [0, 1, 2].map(() => ({ weight: random.floats(n * k), bias: random.floats(n) }));
    const sources = parts.flatMap(({ weight, bias }, i): BlockSource[] => [
      { part: 'Bias', data: bias, rows: n, row: n * i },
      { part: 'Weight', data: weight, rows: n, row: n * i },
    ]);
    const block: Block = { packing: 'Panels', rows: 3 * n, depth: k, channels: k, taps: 1, sources };
    const want = panels(
      3 * n,
      k,
      (j) => parts[Math.floor(j / n)]!.bias[j % n]!,
      (j, i) => parts[Math.floor(j / n)]!.weight[(j % n) * k + i]!,
    );
    for (const step of STEPS) expect_same_bits(await packed(block, step), want, 'qkv');
  });

  test('a convolution is turned to [taps, channels], its batch norm folded in double precision', async () => {
    for (const [channels, kernel] of [
      [1, 3],
      [3, 3],
      [5, 2],
      [6, 1],
    ] as const) {
      const [taps, lda] = [kernel * kernel, kernel === 1 ? channels : round_up(channels)];
      const [weight, norm] = [random.floats(n * channels * taps), random_norm(random, n)];
      const want = panels(
        n,
        taps * lda,
        (j) => folded(norm, j).shift,
        (j, k) => {
          const [tap, c] = [Math.floor(k / lda), k % lda];
          return c < channels ? weight[(j * channels + c) * taps + tap]! * folded(norm, j).scale : 0;
        },
      );
      for (const step of STEPS)
        expect_same_bits(
          await packed(conv_block(n, channels, kernel, weight, norm), step),
          want,
          `${kernel}`,
        );
    }
  });

  test('a depthwise convolution goes into blocks of four channels, bias first', async () => {
    for (const kernel of [1, 2, 3, 5]) {
      const taps = kernel * kernel;
      const [weight, norm] = [random.floats(n * taps), random_norm(random, n, 1e-5)];
      const want = new Float32Array(round_up(n) * (taps + 1));
      for (let c = 0; c < n; c++) {
        const at = (c >> 2) * 4 * (taps + 1) + (c & 3);
        want[at] = folded(norm, c).shift;
        for (let tap = 0; tap < taps; tap++)
          want[at + (tap + 1) * 4] = weight[c * taps + tap]! * folded(norm, c).scale;
      }
      for (const step of STEPS)
        expect_same_bits(await packed(depthwise_block(n, kernel, weight, norm), step), want, `${kernel}`);
    }
  });

  test('a table keeps its rows, at a stride of whole vectors', async () => {
    for (const width of [1, 4, 6, 19]) {
      const table = random.floats(n * width);
      const want = new Float32Array(n * round_up(width));
      for (let i = 0; i < n; i++) want.set(table.subarray(i * width, (i + 1) * width), i * round_up(width));
      for (const step of STEPS)
        expect_same_bits(await packed(table_block(n, width, table), step), want, `width ${width}`);
    }
  });
});

test('gamma and beta of a LayerNorm are one row each', async () => {
  const got = await packed(rows_block(Float32Array.of(1, 2, 3, 4, 5), Float32Array.of(6, 7, 8, 9, 10)));
  expect([...got]).toEqual([1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9, 10, 0, 0, 0]);
});

/** Elements on disk and what they are as float32. */
const DTYPES: [BlockSource['dtype'] & string, DiskData, number[]][] = [
  [
    'F16',
    Uint16Array.of(
      0x0000,
      0x8000,
      0x3c00,
      0xc000,
      0x0001,
      0x03ff,
      0x0400,
      0x7bff,
      0x7c00,
      0xfc00,
      0x7e00,
      0x3555,
    ),
    [0, -0, 1, -2, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, Infinity, -Infinity, NaN, 0.333251953125],
  ],
  [
    'BF16',
    Uint16Array.of(0x0000, 0x8000, 0x3f80, 0xc000, 0x0001, 0x7f7f, 0x7f80, 0xff80, 0x7fc0, 0x3eab),
    [0, -0, 1, -2, 2 ** -133, 255 * 2 ** 120, Infinity, -Infinity, NaN, 0.333984375],
  ],
  ['F64', Float64Array.of(0.1, -0, 1e-50, 1e300, -1e-40, NaN), [0.1, -0, 0, Infinity, -1e-40, NaN]],
  ['I8', Int8Array.of(-128, -1, 127), [-128, -1, 127]],
  ['U8', Uint8Array.of(0, 1, 255), [0, 1, 255]],
  ['I16', Int16Array.of(-32768, -1, 32767), [-32768, -1, 32767]],
  ['U16', Uint16Array.of(0, 65535), [0, 65535]],
  ['I32', Int32Array.of(-(2 ** 31), -1, 2 ** 31 - 1, 16777217), [-(2 ** 31), -1, 2 ** 31, 16777216]],
  ['U32', Uint32Array.of(0, 2 ** 32 - 1, 16777219), [0, 2 ** 32, 16777220]],
  ['I64', BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 53n + 1n), [-(2 ** 63), -1, 2 ** 53]],
  ['U64', BigUint64Array.of(0n, 2n ** 64n - 1n), [0, 2 ** 64]],
];

describe.each(DTYPES)('Elements of type %s', (dtype, data, values) => {
  const count = values.length;
  const want = Float32Array.from(values);

  test('become the nearest float32 in a table and in panels', async () => {
    const source: BlockSource = { part: 'Weight', dtype, data, rows: 1 };
    const shape = { rows: 1, channels: count, taps: 1, sources: [source] };
    const table = await packed({ ...shape, packing: 'Rows', depth: round_up(count) });
    expect_same_bits(table.slice(0, count), want, 'table');
    const matrix = await packed({ ...shape, packing: 'Panels', depth: count });
    const column = Float32Array.from(values, (_, k) => matrix[(k + 1) * NR]!);
    expect_same_bits(column, want, 'panel');
  });

  test('lie one behind the other', async () => {
    const twice = new Uint8Array(2 * data.byteLength);
    for (const at of [0, data.byteLength]) twice.set(new Uint8Array(data.buffer), at);
    const source: BlockSource = { part: 'Weight', dtype, data: twice, rows: 2 };
    const [channels, depth] = [count, round_up(count)];
    const table = await packed({ packing: 'Rows', rows: 2, depth, channels, taps: 1, sources: [source] });
    for (const row of [0, 1])
      expect_same_bits(table.slice(row * depth, row * depth + count), want, `row ${row}`);
  });

  test('become it as a bias and as batch norm vectors', async () => {
    const weight = new Float32Array(count);
    const base = { packing: 'Panels', rows: count, depth: 1, channels: 1, taps: 1 } as const;
    const bias: BlockSource = { part: 'Bias', dtype, data, rows: count };
    const weights: BlockSource = { part: 'Weight', data: weight, rows: count };
    const block = await packed({ ...base, sources: [bias, weights] });
    expect_same_bits(block.slice(0, count), want, 'bias');

    const one = new Float32Array(count).fill(1);
    const zero = new Float32Array(count);
    const norm = norm_sources({ gamma: one, beta: zero, mean: zero, variance: one, eps: 0 });
    const beta: BlockSource = { part: 'Beta', dtype, data, rows: count };
    const sources = [norm[0]!, beta, norm[2]!, norm[3]!, weights];
    const normed = await packed({ ...base, eps: 0, sources }, 2);
    // mean · scale = 0 is subtracted, which loses the sign of −0.
    expect_same_bits(
      normed.slice(0, count).map((v) => v + 0),
      want.map((v) => v + 0),
      'beta',
    );
  });
});

test('A variance of zero folds with eps alone, and one of zero without eps to infinity as torch', async () => {
  const vector = (v: number): Float32Array => Float32Array.of(v);
  const norm = { gamma: vector(2), beta: vector(1), mean: vector(0.5), variance: vector(0) };
  const finite = await packed(conv_block(1, 1, 1, vector(3), { ...norm, eps: 0.25 }));
  expect([finite[0], finite[NR]]).toEqual([-1, 12]);
  const infinite = await packed(conv_block(1, 1, 1, vector(3), { ...norm, eps: 0 }));
  expect([infinite[0], infinite[NR]]).toEqual([-Infinity, Infinity]);
});
