// softmax(q · kᵀ · scale, masked) · v for every (sequence, head), as eager_attention_forward in transformers.
//
//   qkv row:   q: head 0 [d] head 1 [d] … | k: … | v: …        one token
//   slot:      kᵀ panels | v panels | scores[ROWS, keys] | context[ROWS, d]        scratch of one part
//
// Keys and values of one head are packed into panels (tile.ts), so both products run on the matrix micro-kernels: a
// score is one chain over d ascending, a context value one chain over the keys ascending. A masked key has the weight 0
// exactly, so trailing masked keys change no bit. Where every key is masked all weigh the same.

import { tile1, tile2 } from './tile';
import { arena } from '../plan/bases';
import { Attention, NONE } from '../plan/op';
import { begin_of, end_of } from '../plan/share';
import { exp } from '../simd/math';
import { last_mask, sum_lanes } from '../simd/lanes';

/** Query rows that go through scores, softmax and context together. */
const ROWS: u32 = 16;

// @ts-ignore: decorator
@inline
function round16(n: u32): u32 {
  return (n + 15) & ~15;
}

// Bytes of the panels of an [n, k] operand.
// @ts-ignore: decorator
@inline
function panel_bytes(n: u32, k: u32): u32 {
  return (round16(n) << 2) * (k + 1);
}

/** Scratch bytes that one part needs for sequences of up to `length` tokens. */
export function slot_bytes(length: u32, d: u32): u64 {
  const panels = <u64>round16(length) * (d + 1) + <u64>round16(d) * (length + 1);
  return (panels + <u64>ROWS * (round16(length) + round16(d))) << 2;
}

/** Shares split the (sequence, head) pairs; the first also clears the rows that belong to no sequence. */
export function attention(op: Attention, part: u32, parts: u32): void {
  const starts = arena(op.starts);
  const ldo = <usize>op.ldo << 2;
  if (part == 0) {
    const used = load<u32>(starts + (<usize>op.sequences << 2));
    memory.fill(arena(op.out) + used * ldo, 0, (op.tokens - used) * ldo);
  }
  const end = end_of(op.sequences * op.heads, part, parts);
  for (let i = begin_of(op.sequences * op.heads, part, parts); i < end; i++) {
    const sequence = i / op.heads;
    const place = starts + (<usize>sequence << 2);
    const start = load<u32>(place);
    head(op, sequence, i % op.heads, start, load<u32>(place, 4) - start, arena(op.scratch) + <usize>op.slot * part);
  }
}

function head(op: Attention, sequence: u32, h: u32, start: u32, length: u32, slot: usize): void {
  const d = op.d;
  const width = <usize>(op.heads * d) << 2;
  const ldq = <usize>op.ldq << 2;
  const ldo = <usize>op.ldo << 2;
  const q = arena(op.qkv) + start * ldq + ((<usize>h * d) << 2);
  const keys = slot;
  const values = keys + panel_bytes(length, d);
  const scores = values + panel_bytes(d, length);
  const lds = <usize>round16(length) << 2;
  const context = scores + ROWS * lds;
  const ldx = <usize>round16(d) << 2;
  const out = arena(op.out) + start * ldo + ((<usize>h * d) << 2);
  const mask = arena(op.mask) + (<usize>start << 2);

  pack_keys(q + width, ldq, length, d, keys);
  pack_values(q + 2 * width, ldq, length, d, values);
  for (let row: u32 = 0; row < length; row += ROWS) {
    const rows = min(ROWS, length - row);
    product(q + row * ldq, ldq, rows, d, keys, length, scores, lds);
    for (let i: u32 = 0; i < rows; i++) softmax(scores + i * lds, length, op.scale, mask);
    if (op.probs != NONE) {
      const ldp = <usize>op.ldp << 2;
      let p = arena(op.probs) + ((<usize>sequence * op.heads + h) * op.length + row) * ldp;
      for (let i: u32 = 0; i < rows; i++, p += ldp) memory.copy(p, scores + i * lds, ldp);
    }
    product(scores, lds, rows, length, values, d, context, ldx);
    // The row's pad lanes belong to the last head; the context's are no zeros where a weight is NaN.
    const bytes = <usize>d << 2;
    const pads = h + 1 == op.heads ? ldo - width : 0;
    for (let i: u32 = 0; i < rows; i++) {
      const to = out + (row + i) * ldo;
      copy(to, context + i * ldx, bytes);
      if (pads) memory.fill(to + bytes, 0, pads);
    }
  }
}

// Heads may be narrower than a vector, and their neighbours are another part's: not a byte more than `bytes`.
function copy(to: usize, from: usize, bytes: usize): void {
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(from + i));
}

/** k[length, d] -> panels of 16 keys: zeros[16] | t = 0: k[0 … 15, 0] | t = 1: … */
function pack_keys(k: usize, ldk: usize, length: u32, d: u32, to: usize): void {
  memory.fill(to, 0, panel_bytes(length, d));
  for (let j: u32 = 0; j < length; j++, k += ldk) {
    let p = to + (<usize>(j >> 4) * (d + 1) + 1) * 64 + (<usize>(j & 15) << 2);
    for (let t: u32 = 0; t < d; t++, p += 64) store<f32>(p, load<f32>(k + (<usize>t << 2)));
  }
}

/** v[length, d] -> panels of 16 columns: zeros[16] | j = 0: v[0, 0 … 15] | j = 1: … */
function pack_values(v: usize, ldv: usize, length: u32, d: u32, to: usize): void {
  for (let column: u32 = 0; column < d; column += 16) {
    const bytes = <usize>min<u32>(16, d - column) << 2;
    memory.fill(to, 0, 64);
    to += 64;
    let p = v + (<usize>column << 2);
    for (let j: u32 = 0; j < length; j++, p += ldv, to += 64) {
      if (bytes < 64) memory.fill(to, 0, 64);
      copy(to, p, bytes);
    }
  }
}

/** c[m, n] = a[m, k] · panels, every panel stored whole. */
function product(a: usize, lda: usize, m: u32, k: u32, panels: usize, n: u32, c: usize, ldc: usize): void {
  const panel = (<usize>k + 1) << 6;
  for (let column: u32 = 0; column < n; column += 16, panels += panel, c += 64) {
    let i: u32 = 0;
    for (; i + 2 <= m; i += 2) {
      tile2(a + i * lda, a + i * lda + lda, panels, k, c + i * ldc, c + i * ldc + ldc, 4);
    }
    if (i < m) tile1(a + i * lda, panels, k, c + i * ldc, 4);
  }
}

/** Softmax in place over `length` scores · scale, the columns from there to the end of the panel becoming zeros. */
function softmax(p: usize, length: u32, scale: f32, mask: usize): void {
  const s = f32x4.splat(scale);
  const lowest = f32x4.splat(-f32.MAX_VALUE);
  const tail = last_mask(length);
  const bytes = <usize>((length + 3) >> 2) << 4;
  let best = f32x4.splat(-Infinity);
  for (let i: usize = 0; i < bytes; i += 16) {
    const last = i + 16 == bytes;
    const keep = i32x4.ne(last ? first_lanes(mask + i, length & 3) : v128.load(mask + i), i32x4.splat(0));
    let x = v128.bitselect(f32x4.mul(v128.load(p + i), s), lowest, keep);
    if (last) x = v128.bitselect(x, f32x4.splat(-Infinity), tail);
    best = f32x4.pmax(best, x);
    v128.store(p + i, x);
  }
  best = f32x4.pmax(best, i8x16.shuffle(best, best, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  best = f32x4.pmax(best, i8x16.shuffle(best, best, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const e = exp(f32x4.sub(v128.load(p + i), best));
    sum = f32x4.add(sum, e);
    v128.store(p + i, e);
  }
  const total = f32x4.splat(sum_lanes(sum));
  for (let i: usize = 0; i < bytes; i += 16) v128.store(p + i, f32x4.div(v128.load(p + i), total));
  const last = p + bytes - 16; // 0 / NaN is in its pad lanes
  v128.store(last, v128.and(v128.load(last), tail));
  memory.fill(p + bytes, 0, (<usize>round16(length) << 2) - bytes);
}

/** The first `count` words at p, 0 for four. What lies behind them may be another tensor's, or no memory at all. */
function first_lanes(p: usize, count: u32): v128 {
  switch (count) {
    case 0: return v128.load(p);
    case 1: return v128.load32_zero(p);
    case 2: return v128.load64_zero(p);
    default: return v128.load32_lane(p, v128.load64_zero(p), 2, 8);
  }
}
