// out[t] = table[ids[t] − first], or out[t] += that, where ids[t] is a row of this piece of the table: the word, token type
// and position tables, in this order.

import { row_vector } from './widen';
import { arena, weights } from '../plan/bases';
import { row_bytes } from '../plan/formats';
import { Embedding } from '../plan/op';
import { begin_of, end_of } from '../plan/share';

/** Shares split the tokens. The host has checked that every id is one of the whole table. */
export function embedding(op: Embedding, part: u32, parts: u32): void {
  const width = op.ldc;
  const bytes = row_bytes(op.format, width);
  const end = end_of(op.tokens, part, parts);
  for (let t = begin_of(op.tokens, part, parts); t < end; t++) {
    const id = load<u32>(arena(op.ids) + (<usize>t << 2)) - op.first;
    let to = arena(op.out) + ((<usize>t * width) << 2);
    if (id >= op.rows) { // below `first` wraps around
      if (!op.accumulate) memory.fill(to, 0, <usize>width << 2);
      continue;
    }
    const row = weights(op.weights) + id * bytes;
    for (let j: usize = 0; j < width; j += 4, to += 16) {
      const v = row_vector(op.format, row, width, j);
      v128.store(to, op.accumulate ? f32x4.add(v128.load(to), v) : v);
    }
  }
}
