// assembly/kernels/expand_depthwise.ts: the bits of a Gemm and a Depthwise one after the other.

import { describe, test } from 'vitest';
import { expect_same_bits } from './support/compare.ts';
import { random_conv } from './support/convolutions.ts';
import {
  depthwise_op,
  expand_depthwise_op,
  gemm_op,
  type ActivationName,
  type GemmArgs,
} from './support/ops.ts';
import { NARROW } from './support/formats.ts';
import { Random } from './support/random.ts';
import { result_of, run_op, run_parts, test_instance } from './support/run_op.ts';

const MAPS = [
  [1, 1],
  [2, 9],
  [5, 4],
  [13, 7],
  [19, 18],
] as const;

function random_expansion(m: number, n: number, k: number, activation: ActivationName): GemmArgs {
  const random = new Random(m * 31 + n * 7 + k);
  const [a, weight, bias] = [random.floats(m * k, -2, 2), random.floats(n * k), random.floats(n)];
  return { m, n, k, a, weight, bias, activation };
}

describe.each([1, 3, 5, 7])('ExpandDepthwise with a kernel of %i', (kernel) => {
  test.each([1, 2, 3])(
    'equals the two ops apart at stride %i, however many lines are made at once',
    async (stride) => {
      let turn = 0;
      for (const [h, w] of MAPS)
        for (const batch of [1, 2]) {
          const channels = [6, 16, 35][turn % 3]!;
          const pad = kernel >> 1;
          const sizes = { batch, channels, h, w, kernel, stride, top: pad, around: 2 * pad };
          const filter = { ...random_conv({ ...sizes, activation: 'Silu' }), sums: true };
          const gemm = random_expansion(batch * h * w, channels, [3, 8, 18][turn % 3]!, 'Sigmoid');
          const apart = await run_op(depthwise_op({ ...filter, x: await result_of(gemm_op(gemm)) }));
          for (const band of [1, 2, 5, 40]) {
            const fused = await run_op(expand_depthwise_op(gemm, filter, band));
            for (const name of ['out', 'sums'] as const)
              expect_same_bits(fused[name]!, apart[name]!, `${name} of ${h} × ${w}, ${band} lines at once`);
          }
          turn++;
        }
    },
  );
});

test.each(NARROW)('ExpandDepthwise equals the two ops apart with weights in %s', async (format) => {
  const [h, w, k] = [9, 7, 19];
  for (const channels of [5, 33]) {
    const filter = random_conv({ channels, h, w, kernel: 3, stride: 1, top: 1 });
    const gemm = { ...random_expansion(h * w, channels, k, 'Silu'), format };
    const apart = await result_of(depthwise_op({ ...filter, x: await result_of(gemm_op(gemm)) }));
    for (const band of [1, 4])
      expect_same_bits(
        await result_of(expand_depthwise_op(gemm, filter, band)),
        apart,
        `${channels} channels`,
      );
  }
});

test('ExpandDepthwise splits into more parts than it has lines', async () => {
  const instance = await test_instance();
  const filter = random_conv({ channels: 5, h: 3, w: 6, kernel: 3, stride: 1, top: 1 });
  const op = expand_depthwise_op(random_expansion(18, 5, 4, 'Relu'), filter, 2);
  const whole = run_parts(instance, op, 1).out!;
  for (const parts of [2, 7, 16])
    expect_same_bits(run_parts(instance, op, parts).out!, whole, `${parts} parts`);
});

test('ExpandDepthwise crops in front, as a kernel of 1 at stride 2 does', async () => {
  const filter = random_conv({ channels: 4, h: 7, w: 8, kernel: 1, stride: 2, top: -1, around: -1 });
  const gemm = random_expansion(56, 4, 3, 'Linear');
  const apart = await result_of(depthwise_op({ ...filter, x: await result_of(gemm_op(gemm)) }));
  for (const band of [1, 3])
    expect_same_bits(await result_of(expand_depthwise_op(gemm, filter, band)), apart, 'crop');
});
