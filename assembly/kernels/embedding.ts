// out[t] = table[ids[t]], or out[t] += table[ids[t]]: the word, token type and position tables, in this order.

import { arena, weights } from '../plan/bases';
import { Embedding } from '../plan/op';
import { begin_of, end_of } from '../plan/share';

/** Shares split the tokens. The host has checked that every id is below `rows`. */
export function embedding(op: Embedding, part: u32, parts: u32): void {
  const row = <usize>op.ldc << 2;
  const end = end_of(op.tokens, part, parts);
  for (let t = begin_of(op.tokens, part, parts); t < end; t++) {
    let from = weights(op.weights) + load<u32>(arena(op.ids) + (<usize>t << 2)) * row;
    let to = arena(op.out) + t * row;
    if (op.accumulate) {
      for (const last = to + row; to < last; to += 16, from += 16) {
        v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
      }
    } else {
      memory.copy(to, from, row);
    }
  }
}
