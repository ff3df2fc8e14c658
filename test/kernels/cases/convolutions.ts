// Convolutions and pooling.

import { activated, mean_bound } from '../support/bounds.ts';
import { expect_within } from '../support/compare.ts';
import { random_conv } from '../support/convolutions.ts';
import { conv2d_op, depthwise_op, pool_op, type ConvArgs, type PoolArgs } from '../support/ops.ts';
import * as oracle from '../support/oracle.ts';
import { Random } from '../support/random.ts';
import { round_up } from '../support/weights.ts';
import { ACTIVATION_NAMES, among, case_of, exact, poisoned, type Case, type Group } from './case.ts';

function conv_name({ batch, channels, n, h, w, kernel, stride, top, left }: ConvArgs): string {
  return `${batch} × ${h} × ${w} × ${channels} to ${n}, kernel ${kernel}, stride ${stride}, from ${top}, ${left}`;
}

function conv2d_case(args: ConvArgs): Case {
  const terms = args.kernel ** 2 * round_up(args.channels); // pad lanes are terms, though zeros
  return case_of(conv_name(args), conv2d_op(args), (on) =>
    activated(oracle.conv2d(args), terms, args.activation, undefined, on),
  );
}

function depthwise_case(args: ConvArgs): Case {
  const terms = args.kernel ** 2;
  return case_of(conv_name(args), depthwise_op(args), (on) =>
    activated(oracle.depthwise(args), terms, args.activation, undefined, on),
  );
}

export const CONV2D: readonly Group[] = [
  ...[1, 2, 3, 4, 5].flatMap((channels) => [
    {
      title: `agrees with the oracle at odd sizes and channel counts: ${channels} channels`,
      cases: () =>
        [
          [1, 1],
          [2, 3],
          [5, 4],
          [7, 9],
        ].flatMap(([h, w]) =>
          [1, 3, 16, 17, 35].map((n) => {
            const sizes = { channels, n, h: h!, w: w!, kernel: 3, stride: 2 };
            return conv2d_case(random_conv({ ...sizes, activation: 'Silu' }));
          }),
        ),
    },
    {
      title: `agrees with the oracle for every kernel, stride and padding: ${channels} channels`,
      cases: () =>
        [2, 3, 5].flatMap((kernel) =>
          [1, 2, 3].flatMap((stride) =>
            [0, 1, 2].map((top) => {
              const sizes = { channels, n: 6, h: 7, w: 8, kernel, stride, top };
              return conv2d_case(random_conv({ ...sizes, activation: 'Sigmoid' }));
            }),
          ),
        ),
    },
  ]),
  {
    title: 'takes batches, and kernels of 1',
    cases: () => [
      conv2d_case(random_conv({ batch: 3, channels: 3, n: 18, h: 7, w: 9, kernel: 3, stride: 2 })),
      conv2d_case(random_conv({ channels: 2, n: 5, h: 9, w: 11, kernel: 3, stride: 1, top: 1, left: 1 })),
      conv2d_case(random_conv({ channels: 4, n: 19, h: 3, w: 5, kernel: 1, stride: 1, activation: 'Gelu' })),
    ],
  },
  {
    title: 'hands a NaN on to the pixels whose patch holds it, and to no other',
    cases: () => {
      const args = random_conv({ channels: 3, n: 4, h: 9, w: 9, kernel: 3, stride: 2 });
      return [conv2d_case({ ...args, x: poisoned(args.x, (4 * 9 + 6) * 3 + 1, NaN) })];
    },
  },
];

const MAPS = [
  [1, 1],
  [2, 5],
  [7, 3],
  [9, 16],
  [4, 21],
] as const;

/** The sums of the result's lines: of h terms more a chain of w terms each. */
function sums_case(h: number, w: number, channels: number): Case {
  const sizes = { batch: 2, channels, h, w, kernel: 3, stride: 1, top: 1 };
  const args = { ...random_conv({ ...sizes, activation: 'Silu' }), sums: true };
  const name = `sums of ${h} × ${w} × ${channels}`;
  return {
    name,
    op: depthwise_op(args),
    check: ({ out, sums }, on) => {
      const { value, bound } = activated(oracle.depthwise(args), 9, 'Silu', undefined, on);
      expect_within(out!, value, bound, `outputs beside ${name}`);
      // The sums are of the outputs as they are.
      const lines = 2 * h;
      const mean = oracle.pool({ batch: lines, h: 1, w, channels, x: out!, pooling: 'Mean' });
      const want = mean.value.map((v) => v * w);
      const magnitude = mean.magnitude.map((v) => v * w);
      expect_within(sums!, want, mean_bound({ value: want, magnitude }, 1, w, on), name);
    },
  };
}

function depthwise_groups(kernel: number): Group[] {
  const half = kernel >> 1;
  return [
    {
      title: `agrees with the oracle at stride 1, padded 'same': kernel ${kernel}`,
      cases: (names = ACTIVATION_NAMES) =>
        MAPS.flatMap(([h, w]) =>
          [1, 3, 4, 6, 17].map((channels) => {
            const sizes = { channels, h, w, kernel, stride: 1, around: kernel - 1 };
            return depthwise_case(
              random_conv({ ...sizes, top: (kernel - 1) >> 1, activation: among(names, 'Silu') }),
            );
          }),
        ),
    },
    {
      // A kernel of 1 has half − 1 = −1 in front: the first row and column are cropped.
      title: `agrees with the oracle at stride 2, padded as transformers' correct_pad does: kernel ${kernel}`,
      cases: (names = ACTIVATION_NAMES) =>
        MAPS.filter(([h, w]) => Math.min(h, w) + 2 * half - 1 >= kernel).flatMap(([h, w]) =>
          [1, 5, 8].map((channels) => {
            const sizes = { channels, h, w, kernel, stride: 2, around: 2 * half - 1 };
            return depthwise_case(
              random_conv({ ...sizes, top: half - 1, activation: among(names, 'Sigmoid') }),
            );
          }),
        ),
    },
    {
      title: `agrees with the oracle at stride 2, padded squarely (depthwise_padding): kernel ${kernel}`,
      cases: () =>
        MAPS.map(([h, w]) =>
          depthwise_case(random_conv({ channels: 5, h, w, kernel, stride: 2, top: half, around: 2 * half })),
        ),
    },
    {
      title: `agrees with the oracle where the padding of the two axes differs: kernel ${kernel}`,
      cases: () =>
        [
          [0, half],
          [half, 0],
          [kernel - 1, kernel - 1],
        ].flatMap(([top, left]) =>
          [1, 2].map((stride) =>
            depthwise_case(random_conv({ channels: 3, h: 8, w: 11, kernel, stride, top: top!, left: left! })),
          ),
        ),
    },
    {
      title: `takes batches, and stride 3: kernel ${kernel}`,
      cases: (names = ACTIVATION_NAMES) => [
        depthwise_case(random_conv({ batch: 2, channels: 7, h: 5, w: 6, kernel, stride: 1, top: half })),
        depthwise_case(
          random_conv({
            channels: 6,
            h: 13,
            w: 19,
            kernel,
            stride: 3,
            top: half,
            activation: among(names, 'Mish'),
          }),
        ),
      ],
    },
    {
      title: `hands a NaN on to the outputs that see it, of its channel alone: kernel ${kernel}`,
      cases: () => {
        const args = random_conv({ channels: 3, h: 9, w: 12, kernel, stride: 1, top: half });
        return [depthwise_case({ ...args, x: poisoned(args.x, (4 * 12 + 5) * 3 + 1, NaN) })];
      },
    },
  ];
}

export const DEPTHWISE: readonly Group[] = [
  ...[1, 2, 3, 4, 5, 7].flatMap(depthwise_groups),
  {
    title: 'gives the sums of its lines',
    cases: () => MAPS.flatMap(([h, w]) => [1, 6, 16, 37].map((channels) => sums_case(h, w, channels))),
  },
];

export function random_pool(
  pooling: PoolArgs['pooling'],
  h: number,
  w: number,
  channels: number,
  batch = 1,
): PoolArgs {
  const x = new Random(h * 100 + w * 10 + channels).floats(batch * h * w * channels, -3, 3);
  return { batch, h, w, channels, x, pooling };
}

function pool_case(args: PoolArgs): Case {
  const { batch, h, w, channels, pooling } = args;
  return case_of(`${pooling} of ${batch} × ${h} × ${w} × ${channels}`, pool_op(args), (on) => {
    const sums = oracle.pool(args);
    if (pooling === 'Max') return exact(sums.value);
    return { value: sums.value, bound: mean_bound(sums, h, w, on) };
  });
}

const POOLED = [
  [1, 1],
  [1, 7],
  [9, 1],
  [3, 5],
  [13, 11],
] as const;

export const POOL: readonly Group[] = [
  ...[1, 2, 3, 5, 7, 15, 16, 17, 33, 70].flatMap((channels) => [
    {
      title: `gives the mean within the roundings of its sums: ${channels} channels`,
      cases: () =>
        POOLED.flatMap(([h, w]) =>
          [1, 3].map((batch) => pool_case(random_pool('Mean', h, w, channels, batch))),
        ),
    },
    {
      title: `gives the maximum exactly: ${channels} channels`,
      cases: () => POOLED.map(([h, w]) => pool_case(random_pool('Max', h, w, channels, 2))),
    },
  ]),
  {
    title: 'divides sums of lines by what their count was',
    cases: () =>
      [1, 6, 37].map((channels) => {
        const args = { ...random_pool('Mean', 7, 1, channels, 2), count: 7 * 5 };
        return case_of(`7 lines of ${channels}`, pool_op(args), (on) => {
          const { value, magnitude } = oracle.pool(args);
          const sums = { value: value.map((v) => v / 5), magnitude: magnitude.map((v) => v / 5) };
          return { value: sums.value, bound: mean_bound(sums, 7, 1, on) };
        });
      }),
  },
  {
    title: 'hands a NaN on in its channel alone, as mean and as maximum',
    cases: () =>
      (['Mean', 'Max'] as const).flatMap((pooling) =>
        [0, 7, 14].map((place) => {
          const args = random_pool(pooling, 3, 5, 6);
          return pool_case({ ...args, x: poisoned(args.x, place * 6 + 4, NaN) });
        }),
      ),
  },
];
