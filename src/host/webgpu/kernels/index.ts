// Which kernels an op is dispatched as.

import { AlignError } from '../../errors.ts';
import { Kind } from '../../plan/layout.ts';
import type { Features } from '../shader.ts';
import { gather } from './gather.ts';
import type { Fields, Kernel } from './kernel.ts';

const KERNELS: Readonly<Record<number, Kernel>> = {
  [Kind.Gather]: gather,
};

/** The kernels that compute `op`, in order. */
export function kernels_of(op: Fields, features: Features): readonly Kernel[] {
  void features;
  const kernel = KERNELS[op.kind!];
  if (!kernel) throw new AlignError('gpu_unavailable', `No shader computes ops of kind ${op.kind!}`);
  return [kernel];
}
