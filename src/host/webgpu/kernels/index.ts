// Which kernels an op is dispatched as.

import { AlignError } from '../../errors.ts';
import { Kind } from '../../plan/layout.ts';
import { UNTUNED, type Tuned } from '../autotune.ts';
import type { Features } from '../shader.ts';
import { attention } from './attention.ts';
import { conv2d } from './conv2d.ts';
import { depthwise } from './depthwise.ts';
import { embedding } from './embedding.ts';
import { gather } from './gather.ts';
import { choose_gemm } from './gemm.ts';
import type { Fields, Kernel } from './kernel.ts';
import { layernorm } from './layernorm.ts';
import { normalize } from './normalize.ts';
import { pool } from './pool.ts';
import { quantize } from './quantize.ts';
import { similarity } from './similarity.ts';

const KERNELS: Readonly<Record<number, Kernel>> = {
  [Kind.Conv2d]: conv2d,
  [Kind.Depthwise]: depthwise,
  [Kind.Pool]: pool,
  [Kind.Embedding]: embedding,
  [Kind.LayerNorm]: layernorm,
  [Kind.Attention]: attention,
  [Kind.Gather]: gather,
  [Kind.Normalize]: normalize,
  [Kind.Similarity]: similarity,
  [Kind.Quantize]: quantize,
};

/** The kernels that compute `op`, in order. */
export function kernels_of(op: Fields, features: Features, tuned: Tuned = UNTUNED): readonly Kernel[] {
  if (op.kind === Kind.Gemm) return [choose_gemm(op, features, tuned)];
  const kernel = KERNELS[op.kind!];
  if (!kernel) throw new AlignError('gpu_unavailable', `No shader computes ops of kind ${op.kind!}`);
  return [kernel];
}
