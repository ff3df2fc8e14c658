// The WASM executor: walks records and calls one kernel each.

import { Attention, Conv2d, Depthwise, Embedding, ExpandDepthwise, Gather, Gemm, Kind, LayerNorm, Normalize, Op, Pool, Quantize, RECORD_BYTES, Similarity } from './op';
import { attention } from '../kernels/attention';
import { conv2d } from '../kernels/conv2d';
import { depthwise } from '../kernels/depthwise';
import { embedding } from '../kernels/embedding';
import { expand_depthwise } from '../kernels/expand_depthwise';
import { gather } from '../kernels/gather';
import { gemm } from '../kernels/gemm';
import { layernorm } from '../kernels/layernorm';
import { normalize } from '../kernels/normalize';
import { pool } from '../kernels/pool';
import { quantize } from '../kernels/quantize';
import { similarity } from '../kernels/similarity';

/**
 * Runs share `part` of `parts` (at most MAX_PARTS) of the ops first … first + count − 1 of the plan at `plan`.
 * With several parts every one of them must have finished an op before any begins the next.
 */
export function execute(plan: usize, first: u32, count: u32, part: u32, parts: u32): void {
  let record = plan + first * RECORD_BYTES;
  for (const end = record + count * RECORD_BYTES; record < end; record += RECORD_BYTES) {
    switch (changetype<Op>(record).kind) {
      case Kind.Gemm: gemm(changetype<Gemm>(record), part, parts); break;
      case Kind.Conv2d: conv2d(changetype<Conv2d>(record), part, parts); break;
      case Kind.Depthwise: depthwise(changetype<Depthwise>(record), part, parts); break;
      case Kind.Pool: pool(changetype<Pool>(record), part, parts); break;
      case Kind.Embedding: embedding(changetype<Embedding>(record), part, parts); break;
      case Kind.LayerNorm: layernorm(changetype<LayerNorm>(record), part, parts); break;
      case Kind.Attention: attention(changetype<Attention>(record), part, parts); break;
      case Kind.Gather: gather(changetype<Gather>(record), part, parts); break;
      case Kind.Normalize: normalize(changetype<Normalize>(record), part, parts); break;
      case Kind.Quantize: quantize(changetype<Quantize>(record), part, parts); break;
      case Kind.Similarity: similarity(changetype<Similarity>(record), part, parts); break;
      case Kind.ExpandDepthwise: expand_depthwise(changetype<ExpandDepthwise>(record), part, parts); break;
    }
  }
}
