// Which kernels an op is dispatched as.

import { AlignError } from '../../errors.ts';
import { Kind } from '../../plan/layout.ts';
import { UNTUNED, type Tuned } from '../autotune.ts';
import type { Features } from '../shader.ts';
import { conv2d } from './conv2d.ts';
import { gather } from './gather.ts';
import { choose_gemm } from './gemm.ts';
import type { Fields, Kernel } from './kernel.ts';

const KERNELS: Readonly<Record<number, Kernel>> = {
  [Kind.Conv2d]: conv2d,
  [Kind.Gather]: gather,
};

/** The kernels that compute `op`, in order. */
export function kernels_of(op: Fields, features: Features, tuned: Tuned = UNTUNED): readonly Kernel[] {
  if (op.kind === Kind.Gemm) return [choose_gemm(op, features, tuned)];
  const kernel = KERNELS[op.kind!];
  if (!kernel) throw new AlignError('gpu_unavailable', `No shader computes ops of kind ${op.kind!}`);
  return [kernel];
}
