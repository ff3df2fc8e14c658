// assembly/kernels/pool.ts.

import { describe, expect, test } from 'vitest';
import { mean_bound } from './support/bounds.ts';
import { expect_same_bits, expect_within } from './support/compare.ts';
import { pool_op, type PoolArgs } from './support/ops.ts';
import * as oracle from './support/oracle.ts';
import { Random } from './support/random.ts';
import { result_of } from './support/run_op.ts';

const CHANNELS = [1, 2, 3, 5, 7, 15, 16, 17, 33, 70];
const MAPS = [
  [1, 1],
  [1, 7],
  [9, 1],
  [3, 5],
  [13, 11],
] as const;

function random_pool(
  pooling: PoolArgs['pooling'],
  h: number,
  w: number,
  channels: number,
  batch = 1,
): PoolArgs {
  const x = new Random(h * 100 + w * 10 + channels).floats(batch * h * w * channels, -3, 3);
  return { batch, h, w, channels, x, pooling };
}

describe.each(CHANNELS)('Pool of %i channels', (channels) => {
  test('gives the mean within the roundings of its sums', async () => {
    for (const [h, w] of MAPS)
      for (const batch of [1, 3]) {
        const args = random_pool('Mean', h, w, channels, batch);
        const sums = oracle.pool(args);
        expect_within(await result_of(pool_op(args)), sums.value, mean_bound(sums, h, w), `${h} × ${w}`);
      }
  });

  test('gives the maximum exactly', async () => {
    for (const [h, w] of MAPS) {
      const args = random_pool('Max', h, w, channels, 2);
      const want = Float32Array.from(oracle.pool(args).value);
      expect_same_bits(await result_of(pool_op(args)), want, `${h} × ${w}`);
    }
  });
});

test('Pool gives a channel the same bits in the code for one vector and for four', async () => {
  const args = random_pool('Mean', 7, 9, 40);
  const all = await result_of(pool_op(args));
  for (const first of [0, 3, 15, 36]) {
    const x = Float32Array.from({ length: 63 * 4 }, (_, i) => args.x[(i >> 2) * 40 + first + (i & 3)]!);
    const four = await result_of(pool_op({ ...args, channels: 4, x }));
    expect_same_bits(four, all.slice(first, first + 4), `channels ${first} to ${first + 3}`);
  }
});

test('Pool hands a NaN on in its channel alone, as mean and as maximum', async () => {
  for (const pooling of ['Mean', 'Max'] as const)
    for (const place of [0, 7, 14]) {
      const args = random_pool(pooling, 3, 5, 6);
      const clean = await result_of(pool_op(args));
      const x = args.x.slice();
      x[place * 6 + 4] = NaN;
      const got = await result_of(pool_op({ ...args, x }));
      expect(got[4]).toBeNaN();
      for (const c of [0, 1, 2, 3, 5]) expect(got[c]).toBe(clean[c]);
    }
});
