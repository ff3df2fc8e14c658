// assembly/kernels/conv2d.ts: results to the bit. Their values are in the table (cases/convolutions.ts).

import { expect, test } from 'vitest';
import { expect_same_bits } from './support/compare.ts';
import { random_conv } from './support/convolutions.ts';
import { conv2d_op, gemm_op } from './support/ops.ts';
import { result_of } from './support/run_op.ts';

test('Conv2d gives a picture the same bits alone and in a batch', async () => {
  const args = random_conv({ batch: 3, channels: 3, n: 18, h: 7, w: 9, kernel: 3, stride: 2 });
  const all = await result_of(conv2d_op(args));
  const [picture, out] = [args.h * args.w * 3, args.out_h * args.out_w * 18];
  for (let b = 0; b < 3; b++) {
    const x = args.x.slice(b * picture, (b + 1) * picture);
    const alone = await result_of(conv2d_op({ ...args, batch: 1, x }));
    expect_same_bits(alone, all.slice(b * out, (b + 1) * out), `picture ${b}`);
  }
});

test('Conv2d gives a pixel the same bits at every stride, so in either row of the two row kernel', async () => {
  const args = random_conv({ channels: 2, n: 5, h: 9, w: 11, kernel: 3, stride: 1, top: 1, left: 1 });
  const dense = await result_of(conv2d_op(args));
  for (const stride of [2, 3]) {
    const sizes = { stride, out_h: Math.ceil(9 / stride), out_w: Math.ceil(11 / stride) };
    const sparse = await result_of(conv2d_op({ ...args, ...sizes }));
    for (let y = 0; y < sizes.out_h; y++)
      for (let x = 0; x < sizes.out_w; x++) {
        const from = (y * stride * args.out_w + x * stride) * 5;
        const at = (y * sizes.out_w + x) * 5;
        expect_same_bits(sparse.slice(at, at + 5), dense.slice(from, from + 5), `pixel ${y}, ${x}`);
      }
  }
});

test('Conv2d with a kernel of 1 gives the bits of the Gemm over its pixels', async () => {
  const args = random_conv({ channels: 4, n: 19, h: 3, w: 5, kernel: 1, stride: 1, activation: 'Gelu' });
  // Batch norm that folds to nothing: scale 1, shift beta.
  const one = Float32Array.from({ length: 19 }, () => 1);
  const zero = new Float32Array(19);
  const norm = { gamma: one, beta: args.norm.beta, mean: zero, variance: one, eps: 0 };
  const { x: a, weight } = args;
  const bias = args.norm.beta;
  const rows = await result_of(gemm_op({ m: 15, n: 19, k: 4, a, weight, bias, activation: 'Gelu' }));
  expect_same_bits(await result_of(conv2d_op({ ...args, norm })), rows, 'both');
});

test('Conv2d hands a NaN on to the pixels whose patch holds it, and to no other', async () => {
  const args = random_conv({ channels: 3, n: 4, h: 9, w: 9, kernel: 3, stride: 2 });
  const clean = await result_of(conv2d_op(args));
  const x = args.x.slice();
  x[(4 * 9 + 6) * 3 + 1] = NaN;
  const got = await result_of(conv2d_op({ ...args, x }));
  for (let i = 0; i < got.length; i++) {
    const [y, column] = [Math.floor(i / 4 / args.out_w), Math.floor(i / 4) % args.out_w];
    const inside = Math.abs(2 * y + 1 - 4) <= 1 && Math.abs(2 * column + 1 - 6) <= 1;
    if (inside) expect(got[i]).toBeNaN();
    else expect(got[i]).toBe(clean[i]);
  }
});
