// The micro-kernels of Q8D products, shaped as tile.ts: rows of 8-bit activations times one panel of 8-bit weights, both
// widened to 16 bits, summed in pairs of k in 32-bit integers, which is exact in any order.
//
//   row:    scale | 12 bytes unused | k = 0, 1: i16[2] | …        (kernels/quantize.ts)
//   head:   bias[16] | scale[16]                                  of the panel as it is stored
//   panel:  k = 0, 1: i16[16][2] | …                              as it is widened
//
// c = f32(sum) · (scale of the row · scale of the column) + bias, each operation rounded by itself in every build.

// @ts-ignore: decorator
@inline
function dot(c: v128, a: v128, b: v128): v128 {
  return i32x4.add(c, i32x4.dot_i16x8_s(a, b));
}

// @ts-ignore: decorator
@inline
function scaled(sum: v128, row: v128, head: usize, offset: usize): v128 {
  const scale = f32x4.mul(row, v128.load(head + offset + 64));
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sum), scale), v128.load(head + offset));
}

// @ts-ignore: decorator
@inline
function store(c: usize, vectors: u32, row: usize, head: usize, v0: v128, v1: v128, v2: v128, v3: v128): void {
  const s = v128.load32_splat(row);
  v128.store(c, scaled(v0, s, head, 0));
  if (vectors > 1) v128.store(c, scaled(v1, s, head, 16), 16);
  if (vectors > 2) v128.store(c, scaled(v2, s, head, 32), 32);
  if (vectors > 3) v128.store(c, scaled(v3, s, head, 48), 48);
}

/** Two rows: c0, c1 [16]; `vectors` of the four are stored. `bytes`: of the widened panel. */
export function dot2(row0: usize, row1: usize, head: usize, b: usize, bytes: usize, c0: usize, c1: usize, vectors: u32): void {
  const end = b + bytes;
  let a0 = row0 + 16;
  let a1 = row1 + 16;
  let c00 = i32x4.splat(0), c01 = c00, c02 = c00, c03 = c00;
  let c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  let b0: v128, b1: v128, b2: v128, b3: v128, av: v128;
  while (b < end) {
    b0 = v128.load(b);
    b1 = v128.load(b, 16);
    b2 = v128.load(b, 32);
    b3 = v128.load(b, 48);
    b += 64;
    av = v128.load32_splat(a0);
    a0 += 4;
    c00 = dot(c00, av, b0);
    c01 = dot(c01, av, b1);
    c02 = dot(c02, av, b2);
    c03 = dot(c03, av, b3);
    av = v128.load32_splat(a1);
    a1 += 4;
    c10 = dot(c10, av, b0);
    c11 = dot(c11, av, b1);
    c12 = dot(c12, av, b2);
    c13 = dot(c13, av, b3);
    if (b >= end) break;
    b0 = v128.load(b);
    b1 = v128.load(b, 16);
    b2 = v128.load(b, 32);
    b3 = v128.load(b, 48);
    b += 64;
    av = v128.load32_splat(a0);
    a0 += 4;
    c00 = dot(c00, av, b0);
    c01 = dot(c01, av, b1);
    c02 = dot(c02, av, b2);
    c03 = dot(c03, av, b3);
    av = v128.load32_splat(a1);
    a1 += 4;
    c10 = dot(c10, av, b0);
    c11 = dot(c11, av, b1);
    c12 = dot(c12, av, b2);
    c13 = dot(c13, av, b3);
  }
  store(c0, vectors, row0, head, c00, c01, c02, c03);
  store(c1, vectors, row1, head, c10, c11, c12, c13);
}

/** One row, as {@link dot2}: the last row of an odd number. */
export function dot1(row: usize, head: usize, b: usize, bytes: usize, c: usize, vectors: u32): void {
  const end = b + bytes;
  let a = row + 16;
  let c0 = i32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  while (b < end) {
    const av = v128.load32_splat(a);
    a += 4;
    c0 = dot(c0, av, v128.load(b));
    c1 = dot(c1, av, v128.load(b, 16));
    c2 = dot(c2, av, v128.load(b, 32));
    c3 = dot(c3, av, v128.load(b, 48));
    b += 64;
  }
  store(c, vectors, row, head, c0, c1, c2, c3);
}
