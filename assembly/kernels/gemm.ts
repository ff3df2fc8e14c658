// c[m, n] = activation((a · gate)[m, k] · w[k, n] + bias[n]) + residual[m, n] on packed weights: every Linear and every
// 1×1 convolution (a pixel is a row). The gate is squeeze-and-excitation's, a factor for each channel of a picture.
//
//   w:  panel 0 | panel 1 | …   (tile.ts), the last one filled up with zero columns
//
//        n →  panel 0     panel 1
//   m  ┌──────────────┬──────────────┐   a block of rows stays in cache while all panels pass over it;
//   ↓  │ tile2 tile2… │              │   bias, activation and residual are applied to a block × panel at once
//      └──────────────┴──────────────┘

import { activate } from './activation';
import { dot1, dot2 } from './dot';
import { tile1, tile1x2, tile2 } from './tile';
import { widen_panel, widened_bytes } from './widen';
import { arena, weights } from '../plan/bases';
import { panel_bytes } from '../plan/formats';
import { Format, Gemm, NONE, NR } from '../plan/op';
import { begin_of, end_of } from '../plan/share';
import { last_mask } from '../simd/lanes';

/** Rows that share one pass over the panels. */
export const BLOCK: u32 = 128;

/**
 * Shares split the longer side: rows, so that nobody reads another's part of a, or panels, so that nobody reads another's
 * weights (64 rows of the text tower by rows: 4 % more time for two threads). Never k.
 */
export function gemm(op: Gemm, part: u32, parts: u32): void {
  const panels = (op.n + NR - 1) / NR;
  const by_rows = panels < parts * 4 || (op.m >= parts * 16 && op.m >= op.n);
  const first = by_rows ? begin_of(op.m, part, parts) : 0;
  const last = by_rows ? end_of(op.m, part, parts) : op.m;
  const first_panel = by_rows ? 0 : begin_of(panels, part, parts);
  const last_panel = by_rows ? panels : end_of(panels, part, parts);
  const lda = <usize>op.lda << 2;
  const ldc = <usize>op.ldc << 2;
  const ldr = <usize>op.ldr << 2;
  const gated = arena(op.gated) + min(BLOCK, op.m) * lda * part;
  for (let i = first; i < last; i += BLOCK) {
    const rows = min(BLOCK, last - i);
    let a = arena(op.a) + i * lda;
    if (op.gate != NONE) {
      for (let j: u32 = 0; j < rows; j++) scale(a + j * lda, arena(op.gate) + ((i + j) / op.pixels) * lda, lda, gated + j * lda);
      a = gated;
    }
    const residual = op.residual == NONE ? 0 : arena(op.residual) + i * ldr;
    multiply(op, a, arena(op.c) + i * ldc, residual, rows, first_panel, last_panel, part);
  }
}

/** A row times its picture's gate: once for a block, while it comes into cache, instead of the whole map in place. */
function scale(x: usize, gate: usize, bytes: usize, to: usize): void {
  for (const end = x + bytes; x < end; x += 16, gate += 16, to += 16) v128.store(to, f32x4.mul(v128.load(x), v128.load(gate)));
}

/**
 * The product for `rows` rows at the addresses a, c and r (residual; 0: none), panels first … last − 1. `part`: whose
 * slot of the scratch panels are widened in.
 */
export function multiply(op: Gemm, a: usize, c: usize, r: usize, rows: u32, first: u32, last: u32, part: u32): void {
  const k = op.k;
  const lda = <usize>op.lda << 2;
  const ldc = <usize>op.ldc << 2;
  const columns = op.ldc; // pad columns are computed too: their weights are zeros
  const format = op.format;
  const panel = panel_bytes(format, k);
  const bytes = widened_bytes(format, k);
  const scratch = arena(op.scratch) + part * bytes;
  let w = weights(op.weights) + first * panel;
  for (let p = first; p < last; p++, w += panel) {
    let vectors = min<u32>(4, (columns - p * NR) >> 2);
    let cp = c + (<usize>p << 6);
    if (format != Format.F32) widen_panel(format, w, k, scratch);
    else if (rows == 1 && p + 1 < last) {
      vectors = min<u32>(4, (columns - (p + 1) * NR) >> 2);
      tile1x2(a, w, k, cp, vectors);
      finish(op, cp, r, p, 1, 4 + vectors);
      p++;
      w += panel;
      continue;
    }
    const wide = format == Format.F32 ? w : scratch;
    let ap = a;
    let i = rows;
    if (format == Format.Q8D) {
      for (; i >= 2; i -= 2) {
        dot2(ap, ap + lda, w, wide, bytes, cp, cp + ldc, vectors);
        ap += lda << 1;
        cp += ldc << 1;
      }
      if (i) dot1(ap, w, wide, bytes, cp, vectors);
    } else {
      for (; i >= 2; i -= 2) {
        tile2(ap, ap + lda, wide, k, cp, cp + ldc, vectors);
        ap += lda << 1;
        cp += ldc << 1;
      }
      if (i) tile1(ap, wide, k, cp, vectors);
    }
    finish(op, c + (<usize>p << 6), r, p, rows, vectors);
  }
}

/** Activation and residual over `rows` rows of the columns from panel p on, just written and still in cache. */
function finish(op: Gemm, c: usize, r: usize, p: u32, rows: u32, vectors: u32): void {
  const ldc = <usize>op.ldc << 2;
  activate(op.activation, c, rows, vectors, ldc);
  const n = op.n;
  const tail = n & 3;
  if (tail && p * NR + (vectors << 2) > n) clear_pads(c + ((<usize>vectors - 1) << 4), rows, ldc, last_mask(n));
  if (!r) return;
  const ldr = <usize>op.ldr << 2;
  const bytes = <usize>vectors << 4;
  r += <usize>p << 6;
  for (let i: u32 = 0; i < rows; i++, c += ldc, r += ldr) {
    for (let j: usize = 0; j < bytes; j += 16) {
      v128.store(c + j, f32x4.add(v128.load(c + j), v128.load(r + j)));
    }
  }
}

// Some activations are not zero at zero.
function clear_pads(c: usize, rows: u32, ldc: usize, mask: v128): void {
  for (let i: u32 = 0; i < rows; i++, c += ldc) v128.store(c, v128.and(v128.load(c), mask));
}
