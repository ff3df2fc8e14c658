// assembly/kernels/pool.ts: results to the bit. Their values are in the table (cases/convolutions.ts).

import { expect, test } from 'vitest';
import { random_pool } from './cases/convolutions.ts';
import { expect_same_bits } from './support/compare.ts';
import { pool_op } from './support/ops.ts';
import { result_of } from './support/run_op.ts';

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
