// Convolutions of any shape with live batch norms.

import type { ActivationName, ConvArgs } from './ops.ts';
import { Random } from './random.ts';
import type { Norm } from './weights.ts';

/** What a test says of a convolution; `top` and `left` default to 0, the sizes of the output follow. */
export interface ConvChoice {
  readonly batch?: number;
  readonly channels: number;
  /** Output channels of a dense convolution; a depthwise one leaves it out. */
  readonly n?: number;
  readonly h: number;
  readonly w: number;
  readonly kernel: number;
  readonly stride: number;
  readonly top?: number;
  readonly left?: number;
  /** Padding of both sides together; default: enough for out = ⌈size / stride⌉. */
  readonly around?: number;
  readonly activation?: ActivationName;
}

export function random_norm(random: Random, channels: number, eps = 1e-3): Norm {
  return {
    gamma: random.floats(channels, 0.5, 1.5),
    beta: random.floats(channels),
    mean: random.floats(channels),
    variance: random.floats(channels, 0.05, 2),
    eps,
  };
}

export function random_conv(choice: ConvChoice): ConvArgs {
  const { batch = 1, channels, n, h, w, kernel, stride, top = 0, left = top, around } = choice;
  const size = (side: number): number =>
    around === undefined ? Math.ceil(side / stride) : Math.floor((side + around - kernel) / stride) + 1;
  const random = new Random(kernel * 7919 + stride * 997 + channels * 131 + h * 17 + w + top);
  const out = n ?? channels;
  return {
    ...{ batch, channels, n: out, h, w, kernel, stride, top, left },
    ...{ out_h: size(h), out_w: size(w), activation: choice.activation ?? 'Linear' },
    x: random.floats(batch * h * w * channels, -2, 2),
    weight: random.floats(out * (n === undefined ? 1 : channels) * kernel * kernel),
    norm: random_norm(random, out),
  };
}
