// assembly/kernels/depthwise.ts: kernels 3 and 5 with strides 1 and 2 have code of their own for outputs whose columns
// all lie inside the map; everything else is computed one output at a time. Results to the bit; their values are in the
// table (cases/convolutions.ts).

import { describe, expect, test } from 'vitest';
import { expect_same_bits } from './support/compare.ts';
import { random_conv } from './support/convolutions.ts';
import { depthwise_op, pool_op } from './support/ops.ts';
import { result_of, run_op } from './support/run_op.ts';

const MAPS = [
  [1, 1],
  [2, 5],
  [7, 3],
  [9, 16],
  [4, 21],
] as const;

describe.each([1, 2, 3, 4, 5, 7])('Depthwise with a kernel of %i', (kernel) => {
  const half = kernel >> 1;

  test('gives an output the same bits at every stride, so at an edge, inside and in the general code', async () => {
    // Strides 1 and 2 of kernels 3 and 5 go four outputs at a time, stride 3 goes one at a time.
    const args = random_conv({ channels: 6, h: 13, w: 19, kernel, stride: 1, top: half, activation: 'Mish' });
    const dense = await result_of(depthwise_op(args));
    for (const stride of [2, 3]) {
      const sizes = { stride, out_h: Math.ceil(13 / stride), out_w: Math.ceil(19 / stride) };
      const sparse = await result_of(depthwise_op({ ...args, ...sizes }));
      for (let y = 0; y < sizes.out_h; y++)
        for (let x = 0; x < sizes.out_w; x++) {
          const from = (y * stride * args.out_w + x * stride) * 6;
          const at = (y * sizes.out_w + x) * 6;
          expect_same_bits(sparse.slice(at, at + 6), dense.slice(from, from + 6), `output ${y}, ${x}`);
        }
    }
  });

  test('gives a picture the same bits alone and in a batch', async () => {
    const args = random_conv({ batch: 2, channels: 7, h: 5, w: 6, kernel, stride: 1, top: half });
    const all = await result_of(depthwise_op(args));
    for (let b = 0; b < 2; b++) {
      const x = args.x.slice(b * 210, (b + 1) * 210);
      const alone = await result_of(depthwise_op({ ...args, batch: 1, x }));
      expect_same_bits(alone, all.slice(b * 210, (b + 1) * 210), `picture ${b}`);
    }
  });

  test('hands a NaN on to the outputs that see it, of its channel alone', async () => {
    const args = random_conv({ channels: 3, h: 9, w: 12, kernel, stride: 1, top: half });
    const clean = await result_of(depthwise_op(args));
    const x = args.x.slice();
    x[(4 * 12 + 5) * 3 + 1] = NaN;
    const got = await result_of(depthwise_op({ ...args, x }));
    for (let i = 0; i < got.length; i++) {
      const first_y = Math.floor(i / 3 / 12) - half;
      const first_x = (Math.floor(i / 3) % 12) - half;
      const sees = 4 >= first_y && 4 < first_y + kernel && 5 >= first_x && 5 < first_x + kernel;
      if (i % 3 === 1 && sees) expect(got[i]).toBeNaN();
      else expect(got[i]).toBe(clean[i]);
    }
  });
});

test('Depthwise gives the sums of its lines, from which Pool makes the bits of the mean over the map', async () => {
  for (const [h, w] of MAPS)
    for (const channels of [1, 6, 16, 37]) {
      const args = random_conv({
        batch: 2,
        channels,
        h,
        w,
        kernel: 3,
        stride: 1,
        top: 1,
        activation: 'Silu',
      });
      const { out, sums } = await run_op(depthwise_op({ ...args, sums: true }));
      const pooled = { batch: 2, channels, pooling: 'Mean' } as const;
      const mean = await result_of(pool_op({ ...pooled, h, w, x: out! }));
      const count = h * w;
      expect_same_bits(
        await result_of(pool_op({ ...pooled, h, w: 1, x: sums!, count })),
        mean,
        `${h} × ${w}`,
      );
    }
});
