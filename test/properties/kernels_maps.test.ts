// Convolutions and pools on the checked build: no access outside their operands, the same bits however they are shared out,
// and what holds of them whatever their sizes.

import fc from 'fast-check';
import { activated, WASM } from '../kernels/support/bounds.ts';
import { expect_same_bits, expect_within } from '../kernels/support/compare.ts';
import { random_conv } from '../kernels/support/convolutions.ts';
import type { FormatName } from '../kernels/support/formats.ts';
import { conv2d_op, depthwise_op, expand_depthwise_op, gemm_op, pool_op, type ConvArgs, type GemmArgs, type PoolArgs } from '../kernels/support/ops.ts'; // prettier-ignore
import * as oracle from '../kernels/support/oracle.ts';
import { round_up, type Norm } from '../kernels/support/weights.ts';
import { order, pick, seed, whole } from './draws.ts';
import { activation, exponent, Numbers, parts, result, run, same_in_parts, scaled } from './kernels.ts';
import { property } from './property.ts';
import { permuted, row } from './rows.ts';

/**
 * A convolution of up to 3 maps of 1 × 1 to 8 × 8; padding on each side may differ, and be larger than the map. A dense one of
 * a single tap is a Gemm, and packed for one.
 */
const convolution = (dense: boolean, wild: fc.Arbitrary<boolean> = fc.constant(false)): fc.Arbitrary<ConvArgs> =>
  fc
    .record({
      ...{ batch: whole(1, 3), channels: whole(1, dense ? 5 : 20), n: whole(1, 20), h: whole(1, 8), w: whole(1, 8) },
      ...{ kernel: whole(dense ? 2 : 1, 5), stride: whole(1, 3), activation, seed, wild, sums: fc.boolean() },
      ...{ top: whole(0, 4), left: whole(0, 4) },
    })
    .map(({ n, seed, wild, sums, top, left, ...choice }) => {
      const { kernel, batch, h, w, channels } = choice;
      // No further than the kernel reaches: a window lies on the map, if only in part.
      const edges = { top: Math.min(top, kernel - 1), left: Math.min(left, kernel - 1) };
      const args = random_conv({ ...choice, ...edges, ...(dense && { n }) });
      return { ...args, x: new Numbers(seed, wild).list(batch * h * w * channels), sums: sums && !dense };
    }); // prettier-ignore

const image = ({ h, w, channels, x }: ConvArgs, i: number): Float32Array => row(x, i, h * w * channels);

const KINDS = [
  ['Conv2d', conv2d_op, true],
  ['Depthwise', depthwise_op, false],
] as const;

for (const [kind, op_of, dense] of KINDS) {
  property(
    `${kind}: the same bits in any number of parts`,
    [convolution(dense, fc.boolean()), parts],
    (args, count) => {
      same_in_parts(op_of(args), count);
    },
  );

  property(
    `${kind}: a map alone has the bits that it has in a batch`,
    [convolution(dense, fc.boolean()), whole(0, 2)],
    (args, any) => {
      const i = any % args.batch;
      const alone = run(op_of({ ...args, batch: 1, x: image(args, i) }));
      for (const [name, values] of Object.entries(run(op_of(args))))
        expect_same_bits(alone[name]!, row(values, i, values.length / args.batch), `${name} of map ${i}`);
    },
  );

  property(`${kind}: within the error of its roundings`, [convolution(dense)], (args) => {
    const terms = args.kernel ** 2 * (dense ? round_up(args.channels) : 1);
    const sums = dense ? oracle.conv2d(args) : oracle.depthwise(args);
    const { value, bound } = activated(sums, terms, args.activation, undefined, WASM);
    expect_within(run(op_of(args)).out!, value, bound, kind);
  });

  property(
    `${kind}: maps and shifts twice as large give twice as much`,
    [convolution(dense), exponent],
    (args, e) => {
      const { norm } = args;
      // The shift beta − mean · scale grows with both.
      const larger: Norm = { ...norm, beta: scaled(norm.beta, e), mean: scaled(norm.mean, e) };
      const linear = { ...args, activation: 'Linear', sums: false } as const;
      expect_same_bits(
        result(op_of({ ...linear, norm: larger, x: scaled(args.x, e) })),
        scaled(result(op_of(linear)), e),
        `2^${e}`,
      );
    },
  );
}

property(
  'Depthwise: channels in another order give the channels of the result in that order',
  [convolution(false).chain((args) => fc.tuple(fc.constant(args), order(args.channels)))],
  ([args, places]) => {
    const { channels, kernel, norm } = args;
    const by_channel = (data: Float32Array, width = 1): Float32Array => permuted(data, width, places);
    const by_pixel = (data: Float32Array): Float32Array => {
      const pixels = Array.from({ length: data.length / channels }, (_, i) => row(data, i, channels));
      return Float32Array.from(pixels.flatMap((pixel) => [...by_channel(pixel)]));
    };
    const { gamma, beta, mean, variance, eps } = norm;
    const moved = depthwise_op({
      ...{ ...args, x: by_pixel(args.x), weight: by_channel(args.weight, kernel * kernel) },
      norm: { gamma: by_channel(gamma), beta: by_channel(beta), mean: by_channel(mean), variance: by_channel(variance), eps },
    }); // prettier-ignore
    const before = run(depthwise_op(args));
    for (const [name, values] of Object.entries(run(moved)))
      expect_same_bits(values, by_pixel(before[name]!), name);
  },
);

property(
  'ExpandDepthwise: the bits of a Gemm and a Depthwise, in any number of parts and lines at once',
  [
    convolution(false),
    whole(1, 30),
    whole(1, 10),
    whole(1, 16),
    activation,
    pick<FormatName>('F32', 'F16', 'BF16', 'Q8', 'Q4', 'Q8D'),
  ],
  (filter, k, band, count, name, format) => {
    const { batch, h, w, channels } = filter;
    const [m, random] = [batch * h * w, new Numbers(k * 31 + channels)];
    const gemm: GemmArgs = {
      ...{ m, n: channels, k, activation: name, format },
      ...{ a: random.list(m * k), weight: random.list(channels * k), bias: random.list(channels) },
    };
    const apart = run(depthwise_op({ ...filter, x: result(gemm_op(gemm)) }));
    const fused = run(expand_depthwise_op(gemm, filter, band), count);
    for (const [label, values] of Object.entries(apart))
      expect_same_bits(fused[label]!, values, `${label}, ${band} lines at once, ${count} parts`);
  },
);

const pooled: fc.Arbitrary<PoolArgs> = fc
  .record({ batch: whole(1, 3), h: whole(1, 8), w: whole(1, 8), channels: whole(1, 40), seed, wild: fc.boolean(), pooling: pick('Mean', 'Max') })
  .map(({ seed, wild, ...sizes }) => ({
    ...sizes,
    x: new Numbers(seed, wild).list(sizes.batch * sizes.h * sizes.w * sizes.channels),
  })); // prettier-ignore

property(
  'Pool: the same bits in any number of parts, and alone as in a batch',
  [pooled, parts, whole(0, 2)],
  (args, count, any) => {
    const { batch, h, w, channels, x } = args;
    same_in_parts(pool_op(args), count);
    const i = any % batch;
    const alone = result(pool_op({ ...args, batch: 1, x: row(x, i, h * w * channels) }));
    expect_same_bits(alone, row(result(pool_op(args)), i, channels), `map ${i}`);
  },
);

property(
  'Pool: a maximum does not depend on the order of pixels, and is one of them',
  [
    pooled.chain((args) =>
      fc.tuple(fc.constant({ ...args, batch: 1, pooling: 'Max' } as const), order(args.h * args.w)),
    ),
  ],
  ([args, places]) => {
    const { h, w, channels } = args;
    const x = row(args.x, 0, h * w * channels);
    const best = result(pool_op({ ...args, x }));
    const moved = result(pool_op({ ...args, x: permuted(x, channels, places) }));
    // Zeros of both signs are equal.
    expect_same_bits(moved.map((v) => v + 0), best.map((v) => v + 0), 'in another order'); // prettier-ignore
    const want = Float32Array.from(oracle.pool({ ...args, x }).value, (v) => v + 0);
    expect_same_bits(best.map((v) => v + 0), want, 'maximum'); // prettier-ignore
  },
);

property(
  'Pool: the mean of a map of one value is that value, where its sums are exact',
  [whole(1, 8), whole(1, 8), whole(1, 40), whole(-1000, 1000), exponent],
  (h, w, channels, value, e) => {
    const x = new Float32Array(h * w * channels).fill(value * 2 ** e);
    const mean = result(pool_op({ batch: 1, h, w, channels, x, pooling: 'Mean' }));
    expect_same_bits(mean, new Float32Array(channels).fill(value * 2 ** e), 'mean');
  },
);
