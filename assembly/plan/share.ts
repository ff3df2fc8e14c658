// How an op is split: `count` rows, channels, panels or heads into `parts` neighbouring shares.

import { Embedding, Kind, LayerNorm, Op, Pool } from './op';

/** Work that a share must have, in multiply-accumulates: about a microsecond, what meeting at a barrier costs. */
const MINIMUM: u64 = 20000;

/** First item of share `part`. */
// @ts-ignore: decorator
@inline
export function begin_of(count: u32, part: u32, parts: u32): u32 {
  return <u32>((<u64>count * part) / parts);
}

/** One past the last item of share `part`. */
// @ts-ignore: decorator
@inline
export function end_of(count: u32, part: u32, parts: u32): u32 {
  return <u32>((<u64>count * (part + 1)) / parts);
}

/** Into how many shares an op is worth splitting where there are `parts` threads. */
export function shares(op: Op, parts: u32): u32 {
  return <u32>min<u64>(parts, max<u64>(1, work(op) / MINIMUM));
}

// Ops that do not multiply count their elements, by the time these take.
function work(op: Op): u64 {
  switch (op.kind) {
    case Kind.Pool: {
      const pool = changetype<Pool>(op);
      return <u64>pool.batch * pool.h * pool.w * pool.ldc;
    }
    case Kind.LayerNorm: {
      const norm = changetype<LayerNorm>(op);
      return <u64>norm.rows * norm.ldc * 8;
    }
    case Kind.Embedding: {
      const table = changetype<Embedding>(op);
      return <u64>table.tokens * table.ldc * 4;
    }
    default:
      return (<u64>op.macs_high << 32) | op.macs_low;
  }
}
