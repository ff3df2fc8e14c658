// Packing on the checked build: blocks byte by byte as their formats say, whatever ranges their rows come in, and how far a
// format may be from the numbers that it holds.

import fc from 'fast-check';
import { assert } from 'vitest';
import { expect_same_bits } from '../kernels/support/compare.ts';
import { eight_bits, four_bits, half_bits, panels, restored, table, to_bfloat, to_half, upper_bits, type FormatName } from '../kernels/support/formats.ts'; // prettier-ignore
import { random_norm } from '../kernels/support/convolutions.ts';
import { GuardedMemory } from '../kernels/support/memory.ts';
import { embedding_op, gemm_op } from '../kernels/support/ops.ts';
import { block_bytes, conv_block, depthwise_block, linear_block, pack_counted, table_block, type Block } from '../kernels/support/weights.ts'; // prettier-ignore
import { pick, seed, whole } from './draws.ts';
import { instance, Numbers, result } from './kernels.ts';
import { property } from './property.ts';

const format = pick('F32', 'F16', 'BF16', 'Q8', 'Q4', 'Q8D');
const step = whole(1, 50);

/** The bytes of a block whose rows came in ranges of `step`, and how many numbers it could not hold. */
function packed(block: Block, step = Infinity, backwards = false): { bytes: Uint8Array; lost: number } {
  const { at, lost } = pack_counted(new GuardedMemory(instance), block, step, backwards);
  return { bytes: instance.bytes(at, block_bytes(block)).slice(), lost };
}

property(
  'A linear layer is packed as its format says, in ranges of any size, from either end',
  [whole(1, 40), whole(1, 70), format, seed, step, fc.boolean()],
  (n, k, format, seed, step, backwards) => {
    const random = new Numbers(seed);
    const [weight, bias] = [random.list(n * k), random.list(n)];
    const { bytes, lost } = packed({ ...linear_block(n, k, weight, bias), format }, step, backwards);
    assert.deepEqual(bytes, panels(format, n, k, weight, bias));
    assert.strictEqual(lost, 0);
  },
);

property(
  'A table is packed as its format says, in ranges of any size, from either end',
  [whole(1, 20), whole(1, 100), pick('F32', 'F16', 'BF16', 'Q8', 'Q4'), seed, step, fc.boolean()],
  (rows, width, format, seed, step, backwards) => {
    const numbers = new Numbers(seed).list(rows * width);
    const { bytes } = packed({ ...table_block(rows, width, numbers), format }, step, backwards);
    assert.deepEqual(bytes, table(format, rows, width, numbers));
  },
);

property(
  'A convolution and its batch norm are the same block in ranges of any size, from either end',
  [whole(1, 20), whole(1, 6), whole(2, 4), seed, step, fc.boolean(), fc.boolean()],
  (n, channels, kernel, seed, step, backwards, dense) => {
    const random = new Numbers(seed);
    const weight = random.list(n * (dense ? channels : 1) * kernel * kernel);
    const norm = random_norm(random, n);
    const block = dense
      ? conv_block(n, channels, kernel, weight, norm)
      : depthwise_block(n, kernel, weight, norm);
    // The vectors of the norm come before the weights, in their own order.
    const [whole_one, ranges] = [packed(block), packed(block, step, backwards)];
    assert.deepEqual(ranges.bytes, whole_one.bytes);
  },
);

/** Bits of halves: every kind of number but NaN, of which there are many. */
const half_lists = fc.array(
  whole(0, 0xffff).filter((bits) => (bits & 0x7c00) !== 0x7c00),
  { minLength: 1, maxLength: 40 },
);
const bfloat_lists = fc.array(
  whole(0, 0xffff).filter((bits) => (bits & 0x7f80) !== 0x7f80),
  { minLength: 1, maxLength: 40 },
);

/** The rows of a table as an Embedding reads them. */
function read_back(numbers: Float32Array, format: FormatName): Float32Array {
  return result(
    embedding_op({ rows: 1, width: numbers.length, table: numbers, ids: Int32Array.of(0), format }),
  );
}

for (const [name, lists, bits_of, exponent, mantissa, dtype] of [
  ['halves', half_lists, half_bits, 5, 10, 'F16'],
  ['bfloats', bfloat_lists, upper_bits, 8, 7, 'BF16'],
] as const)
  property(`${name} of a file are widened exactly, and narrowed to what they were`, [lists], (bits) => {
    const bias = 2 ** (exponent - 1) - 1;
    const values = Float32Array.from(bits, (b) => {
      const [e, m] = [(b & 0x7fff) >> mantissa, b & (2 ** mantissa - 1)];
      const size =
        e === 0 ? m * 2 ** (1 - bias - mantissa) : (2 ** mantissa + m) * 2 ** (e - bias - mantissa);
      return b & 0x8000 ? -size : size;
    });
    const source = { part: 'Weight', data: Uint16Array.from(bits), dtype, rows: 1 } as const;
    const wide = packed({ ...table_block(1, bits.length, values), sources: [source] }).bytes;
    expect_same_bits(new Float32Array(wide.buffer, 0, bits.length), values, 'widened');
    const narrow = packed({ ...table_block(1, bits.length, values), format: dtype }).bytes;
    assert.deepEqual([...new Uint16Array(narrow.buffer, 0, bits.length)], bits);
    assert.deepEqual([...values].map(bits_of), bits);
    expect_same_bits(read_back(values, dtype), values, 'read back');
  });

const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 70 }).map((list) => Float32Array.from(list)); // prettier-ignore

property(
  'A half or a bfloat is the nearest one, and numbers beyond the largest are counted',
  [numbers],
  (values) => {
    for (const [format, rounded, largest] of [
      ['F16', to_half, 65520],
      ['BF16', to_bfloat, 2 ** 128 - 2 ** 119],
    ] as const) {
      const { lost } = packed({ ...table_block(1, values.length, values), format });
      assert.strictEqual(lost, values.filter((v) => Math.abs(v) >= largest).length, format);
      expect_same_bits(read_back(values, format), Float32Array.from(values, rounded), format);
    }
  },
);

property(
  'Eight bits are within half a step, four bits within a step of the largest',
  // What is beyond 7 times the largest half has no scale in four bits: loading refuses it.
  [fc.array(fc.float({ min: -(2 ** 18), max: 2 ** 18, noNaN: true }), { minLength: 1, maxLength: 70 })],
  (list) => {
    const values = Float32Array.from(list);
    const [eight, four] = [read_back(values, 'Q8'), read_back(values, 'Q4')];
    const { scale } = eight_bits(values);
    values.forEach((v, i) => {
      assert(Math.abs(eight[i]! - v) <= scale * 0.50001 + 2 ** -100, `${v} in 8 bits is ${eight[i]!}`);
      const group = values.subarray(i - (i % 32), i - (i % 32) + 32);
      const step = Math.abs(four_bits(group).scale);
      // A scale is a half, and 0 below all of them.
      assert(Math.abs(four[i]! - v) <= step * 1.01 + 2 ** -20, `${v} in 4 bits is ${four[i]!}`);
    });
  },
);

property(
  'A product with weights in a format is one with the weights that this format holds',
  [whole(1, 6), whole(1, 40), whole(1, 70), pick('F16', 'BF16', 'Q8', 'Q4'), seed],
  (m, n, k, format, seed) => {
    const random = new Numbers(seed);
    const args = { m, n, k, a: random.list(m * k), weight: random.list(n * k), bias: random.list(n) };
    const held = { ...args, weight: restored(format, args.weight, k), activation: 'Linear' } as const;
    expect_same_bits(
      result(gemm_op({ ...held, weight: args.weight, format })),
      result(gemm_op(held)),
      format,
    );
  },
);
