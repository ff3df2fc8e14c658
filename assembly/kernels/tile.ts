// The micro-kernels of every matrix product: MR rows of a times one packed panel of NR = 16 columns, the tile's sums
// in v128 locals for the whole of k.
//
//   panel:  bias[16] | k = 0: w[16] | k = 1: w[16] | …
//
// One order for all of them: bias first, then k ascending, so a row's bits do not depend on the tile it falls in.
// Shape of the loop (two steps, a break between, pointers bumped early): the one that V8, Deno and JavaScriptCore all
// schedule without spills; straight-line unrolls halve the speed of Node 20. Compile with -O2, never -O3.

import { madd } from '../simd/lanes';

// @ts-ignore: decorator
@inline
function store(c: usize, vectors: u32, v0: v128, v1: v128, v2: v128, v3: v128): void {
  v128.store(c, v0);
  if (vectors > 1) v128.store(c, v1, 16);
  if (vectors > 2) v128.store(c, v2, 32);
  if (vectors > 3) v128.store(c, v3, 48);
}

/** Two rows: c0, c1 [16] = bias + a0, a1 [k] · panel[k, 16]; `vectors` of the four are stored. */
export function tile2(a0: usize, a1: usize, b: usize, k: u32, c0: usize, c1: usize, vectors: u32): void {
  const end = b + ((<usize>k + 1) << 6);
  let b0 = v128.load(b);
  let b1 = v128.load(b, 16);
  let b2 = v128.load(b, 32);
  let b3 = v128.load(b, 48);
  let c00 = b0, c01 = b1, c02 = b2, c03 = b3;
  let c10 = b0, c11 = b1, c12 = b2, c13 = b3;
  let av: v128;
  b += 64;
  while (b < end) {
    b0 = v128.load(b);
    b1 = v128.load(b, 16);
    b2 = v128.load(b, 32);
    b3 = v128.load(b, 48);
    b += 64;
    av = v128.load32_splat(a0);
    a0 += 4;
    c00 = madd(c00, av, b0);
    c01 = madd(c01, av, b1);
    c02 = madd(c02, av, b2);
    c03 = madd(c03, av, b3);
    av = v128.load32_splat(a1);
    a1 += 4;
    c10 = madd(c10, av, b0);
    c11 = madd(c11, av, b1);
    c12 = madd(c12, av, b2);
    c13 = madd(c13, av, b3);
    if (b >= end) break;
    b0 = v128.load(b);
    b1 = v128.load(b, 16);
    b2 = v128.load(b, 32);
    b3 = v128.load(b, 48);
    b += 64;
    av = v128.load32_splat(a0);
    a0 += 4;
    c00 = madd(c00, av, b0);
    c01 = madd(c01, av, b1);
    c02 = madd(c02, av, b2);
    c03 = madd(c03, av, b3);
    av = v128.load32_splat(a1);
    a1 += 4;
    c10 = madd(c10, av, b0);
    c11 = madd(c11, av, b1);
    c12 = madd(c12, av, b2);
    c13 = madd(c13, av, b3);
  }
  store(c0, vectors, c00, c01, c02, c03);
  store(c1, vectors, c10, c11, c12, c13);
}

/** One row, as {@link tile2}: the last row of an odd number. */
export function tile1(a: usize, b: usize, k: u32, c: usize, vectors: u32): void {
  const end = b + ((<usize>k + 1) << 6);
  let c0 = v128.load(b);
  let c1 = v128.load(b, 16);
  let c2 = v128.load(b, 32);
  let c3 = v128.load(b, 48);
  b += 64;
  while (b < end) {
    const av = v128.load32_splat(a);
    a += 4;
    c0 = madd(c0, av, v128.load(b));
    c1 = madd(c1, av, v128.load(b, 16));
    c2 = madd(c2, av, v128.load(b, 32));
    c3 = madd(c3, av, v128.load(b, 48));
    b += 64;
  }
  store(c, vectors, c0, c1, c2, c3);
}

/** One row times two neighbouring panels: eight chains hide the latency when there is only one row (m = 1). */
export function tile1x2(a: usize, b: usize, k: u32, c: usize, vectors: u32): void {
  const size = (<usize>k + 1) << 6;
  const end = b + size;
  let d = b + size;
  let c0 = v128.load(b);
  let c1 = v128.load(b, 16);
  let c2 = v128.load(b, 32);
  let c3 = v128.load(b, 48);
  let c4 = v128.load(d);
  let c5 = v128.load(d, 16);
  let c6 = v128.load(d, 32);
  let c7 = v128.load(d, 48);
  b += 64;
  d += 64;
  while (b < end) {
    const av = v128.load32_splat(a);
    a += 4;
    c0 = madd(c0, av, v128.load(b));
    c1 = madd(c1, av, v128.load(b, 16));
    c2 = madd(c2, av, v128.load(b, 32));
    c3 = madd(c3, av, v128.load(b, 48));
    b += 64;
    c4 = madd(c4, av, v128.load(d));
    c5 = madd(c5, av, v128.load(d, 16));
    c6 = madd(c6, av, v128.load(d, 32));
    c7 = madd(c7, av, v128.load(d, 48));
    d += 64;
  }
  store(c, 4, c0, c1, c2, c3);
  store(c + 64, vectors, c4, c5, c6, c7);
}
