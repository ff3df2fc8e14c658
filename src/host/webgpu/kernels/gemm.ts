// Matrix products: the register tile, and which of the kernels computes an op.

import { Format } from '../../plan/layout.ts';
import type { Tuned } from '../autotune.ts';
import type { Features } from '../shader.ts';
import { dot } from './dot.ts';
import { gemv } from './gemv.ts';
import { grid, type Fields, type Kernel } from './kernel.ts';
import { tile } from './tile.ts';
import { product_constants } from './widen.ts';

/** Rows of a thread. */
const ROWS = 8;

export const gemm: Kernel = {
  stem: 'gemm',
  constants: product_constants,
  workgroups: ({ m, ldc }) => grid(Math.ceil((Math.ceil(m! / ROWS) * Math.ceil(ldc! / 8)) / 64)),
};

/**
 * Up to so many rows gemv.wgsl is faster: on software drivers by measurement (2 rows of 640: 1.5 times, 3 rows: 0.9), on
 * real GPUs as it splits the inner size, where the register tile has too few threads.
 */
const FEW_ROWS = { software: 2, real: 16 } as const;

/** Squares of 64 that a large product has at least: enough for all cores of a large GPU. */
const MANY_SQUARES = 128;

/** Kernels for products of many rows, by the names that a measurement gives them. */
export const TILES: Readonly<Record<'gemm' | 'tile32' | 'tile64', Kernel>> = {
  gemm,
  tile32: tile(8),
  tile64: tile(16),
};

/**
 * By shape: software drivers have the register tile, real GPUs a shared-memory tile, or what `tuned` found faster; few
 * rows have a kernel of their own, and so have products of integers.
 */
export function choose_gemm(op: Fields, { software }: Features, tuned: Tuned): Kernel {
  const { m, n, format } = op as Record<'m' | 'n' | 'format', number>;
  if (format === Format.Q8D) return dot;
  if (m <= FEW_ROWS[software ? 'software' : 'real']) return gemv;
  if (software) return gemm;
  const large = n > 32 && Math.ceil(m / 64) * Math.ceil(n / 64) >= MANY_SQUARES;
  return TILES[large ? tuned.large : tuned.small];
}
