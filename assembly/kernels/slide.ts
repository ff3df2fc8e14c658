// The micro-kernels of depthwise convolutions with stride 1: four neighbouring outputs of four channels, in v128 locals.
// Neighbours share inputs, so each column of the map is loaded once for all of them:
//
//   x:        0   1   2   3   4   5        kernel 3: column 2 meets tap 2 of output 0, tap 1 of output 1, tap 0 of output 2
//   outputs:  └─ 0 ─┘
//                 └─ 1 ─┘                  (15 to 50 % faster than a load for every tap and output)
//                     └─ 2 ─┘
//                         └─ 3 ─┘
//
// Column after column, an output meets its taps from left to right: the one order of depthwise.ts.

import { madd } from '../simd/lanes';

/**
 * Kernel 3, all channels. `from`: the leftmost column in the ring's first line; `first`: bytes from there to the line that
 * tap row `first_ky` meets; `ring`: bytes of all lines; w: the weight blocks; `to`: the first output.
 */
export function slide3(from: usize, first: usize, pixel: usize, in_line: usize, ring: usize, w: usize, to: usize, first_ky: i32, last_ky: i32): void {
  const skip = <usize>(first_ky * 3) << 4;
  const rest = <usize>((3 - last_ky) * 3) << 4;
  for (const end = to + pixel; to < end; to += 16, from += 16) {
    let c0 = v128.load(w);
    let c1 = c0, c2 = c0, c3 = c0;
    w += 16 + skip;
    let line = from + first;
    for (let ky = first_ky; ky < last_ky; ky++, w += 48) {
      const w0 = v128.load(w);
      const w1 = v128.load(w, 16);
      const w2 = v128.load(w, 32);
      let p = line;
      let x = v128.load(p);
      c0 = madd(c0, x, w0);
      x = v128.load((p += pixel));
      c0 = madd(c0, x, w1);
      c1 = madd(c1, x, w0);
      x = v128.load((p += pixel));
      c0 = madd(c0, x, w2);
      c1 = madd(c1, x, w1);
      c2 = madd(c2, x, w0);
      x = v128.load((p += pixel));
      c1 = madd(c1, x, w2);
      c2 = madd(c2, x, w1);
      c3 = madd(c3, x, w0);
      x = v128.load((p += pixel));
      c2 = madd(c2, x, w2);
      c3 = madd(c3, x, w1);
      x = v128.load(p + pixel);
      c3 = madd(c3, x, w2);
      line += in_line;
      if (line == from + ring) line = from;
    }
    w += rest;
    v128.store(to, c0);
    v128.store(to + pixel, c1);
    v128.store(to + 2 * pixel, c2);
    v128.store(to + 3 * pixel, c3);
  }
}

/** Kernel 5, as {@link slide3}. */
export function slide5(from: usize, first: usize, pixel: usize, in_line: usize, ring: usize, w: usize, to: usize, first_ky: i32, last_ky: i32): void {
  const skip = <usize>(first_ky * 5) << 4;
  const rest = <usize>((5 - last_ky) * 5) << 4;
  for (const end = to + pixel; to < end; to += 16, from += 16) {
    let c0 = v128.load(w);
    let c1 = c0, c2 = c0, c3 = c0;
    w += 16 + skip;
    let line = from + first;
    for (let ky = first_ky; ky < last_ky; ky++, w += 80) {
      const w0 = v128.load(w);
      const w1 = v128.load(w, 16);
      const w2 = v128.load(w, 32);
      const w3 = v128.load(w, 48);
      const w4 = v128.load(w, 64);
      let p = line;
      let x = v128.load(p);
      c0 = madd(c0, x, w0);
      x = v128.load((p += pixel));
      c0 = madd(c0, x, w1);
      c1 = madd(c1, x, w0);
      x = v128.load((p += pixel));
      c0 = madd(c0, x, w2);
      c1 = madd(c1, x, w1);
      c2 = madd(c2, x, w0);
      x = v128.load((p += pixel));
      c0 = madd(c0, x, w3);
      c1 = madd(c1, x, w2);
      c2 = madd(c2, x, w1);
      c3 = madd(c3, x, w0);
      x = v128.load((p += pixel));
      c0 = madd(c0, x, w4);
      c1 = madd(c1, x, w3);
      c2 = madd(c2, x, w2);
      c3 = madd(c3, x, w1);
      x = v128.load((p += pixel));
      c1 = madd(c1, x, w4);
      c2 = madd(c2, x, w3);
      c3 = madd(c3, x, w2);
      x = v128.load((p += pixel));
      c2 = madd(c2, x, w4);
      c3 = madd(c3, x, w3);
      x = v128.load(p + pixel);
      c3 = madd(c3, x, w4);
      line += in_line;
      if (line == from + ring) line = from;
    }
    w += rest;
    v128.store(to, c0);
    v128.store(to + pixel, c1);
    v128.store(to + 2 * pixel, c2);
    v128.store(to + 3 * pixel, c3);
  }
}
