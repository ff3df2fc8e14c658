// The table of the kernel suite, by op.

import { ACTIVATION } from './activation.ts';
import { ATTENTION } from './attention.ts';
import type { Group } from './case.ts';
import { CONV2D, DEPTHWISE, POOL } from './convolutions.ts';
import { GEMM } from './gemm.ts';
import { QUANTIZE } from './quantize.ts';
import { GEMM_NARROW, GEMM_Q8D } from './quantized.ts';
import { LAYER_NORM, NORMALIZE, SIMILARITY } from './rows.ts';
import { EMBEDDING, GATHER } from './tables.ts';

export const TABLE: Readonly<Record<string, readonly Group[]>> = {
  Gemm: GEMM,
  'Gemm of narrow weights': GEMM_NARROW,
  'Gemm of 8-bit integers': GEMM_Q8D,
  Activation: ACTIVATION,
  Quantize: QUANTIZE,
  Conv2d: CONV2D,
  Depthwise: DEPTHWISE,
  Pool: POOL,
  Embedding: EMBEDDING,
  Gather: GATHER,
  LayerNorm: LAYER_NORM,
  Attention: ATTENTION,
  Normalize: NORMALIZE,
  Similarity: SIMILARITY,
};
