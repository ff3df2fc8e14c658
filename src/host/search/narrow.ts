// A query as integers, for rough scores of rows of 8 bits, and how far these may be off.
//
// A row is scale · m = scale · (2q + r), r a residual bit a number; its rough score has q alone. With the query x in steps,
// x = step · n + e, and p, −m the sums of x's positive and negative numbers,
//
//   row · x = scale · (2 · step · (q · n) + 2 · q · e + r · x),   −m ≤ r · x ≤ p
//
// so scale · (2 · step · (q · n) + p) is at most |scale · 2q| · |e| and some roundings too low, and at most that and
// scale · (p + m) too high. As the largest |2q + r| of a row is 255, scale ≤ 1/255 and |scale · 2q| ≤ 1 + √dimensions / 255.

import { QUERIES } from './places.ts';
import type { Rows } from './rows.ts';

/** An error of rounding to f32, relative. */
const U = 2 ** -24;

/** A query of length 1 as i16 in steps. */
export interface Narrowed {
  readonly query: Int16Array;
  /** Twice the step. */
  readonly step: number;
  /** The most that residuals may add, before the row's scale. */
  readonly more: number;
  /** How much lower than a rough score the exact one may be because of residuals, before the row's scale. */
  readonly spread: number;
  /** How far off a score may be besides that. */
  readonly error: number;
}

/**
 * The largest steps that 15 bits allow and the sums of products with 8 bits: Σ 128 · |n| < 2³¹ whatever the row, as
 * |n| ≤ |x| / step + 1/2.
 */
export function narrow(x: Float32Array): Narrowed {
  let largest = 0;
  let [above, below] = [0, 0];
  for (const value of x) {
    largest = Math.max(largest, Math.abs(value));
    if (value > 0) above += value;
    else below -= value;
  }
  const spread = above + below;
  const step = Math.fround(1 / Math.min(32767 / largest, (2 ** 24 - x.length) / spread));
  const query = new Int16Array(x.length);
  let squares = 0;
  x.forEach((value, i) => {
    query[i] = Math.round(value / step);
    const rest = value - query[i] * step;
    squares += rest * rest;
  });
  // Eight roundings of numbers below 4 at most.
  const error = 1.001 * (1 + Math.sqrt(x.length) / 255) * Math.sqrt(squares) + 32 * U;
  return { query, step: 2 * step, more: Math.fround(above), spread, error };
}

/** Puts a query where the kernels for one look for it. */
export function store_narrow({ instance, scratch }: Rows, { query }: Narrowed): void {
  new Int16Array(instance.memory.buffer, scratch.narrow, query.length).set(query);
}

/** The same for up to 16: [16 times what residuals may add | 16 steps | k = 0, 1: 16 pairs | …], dot.ts. */
export function pack_narrow({ instance, scratch, sizes }: Rows, queries: readonly Narrowed[]): void {
  const head = instance.f32(scratch.panel, 2 * QUERIES).fill(0);
  const { buffer } = instance.memory;
  const panel = new Int16Array(buffer, scratch.panel + 128, QUERIES * sizes.stride).fill(0);
  queries.forEach(({ query, step, more }, slot) => {
    head[slot] = more;
    head[QUERIES + slot] = step;
    query.forEach((value, i) => {
      panel[(i >> 1) * 2 * QUERIES + 2 * slot + (i & 1)] = value;
    });
  });
}
