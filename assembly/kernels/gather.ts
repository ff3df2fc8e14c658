// out[i] = x[rows[i]]: picks each sequence's [CLS] row.

import { arena } from '../plan/bases';
import { Gather } from '../plan/op';
import { begin_of, end_of } from '../plan/share';

/** Shares split the rows picked. */
export function gather(op: Gather, part: u32, parts: u32): void {
  const row = <usize>op.ldc << 2;
  const end = end_of(op.count, part, parts);
  for (let i = begin_of(op.count, part, parts); i < end; i++) {
    memory.copy(arena(op.out) + i * row, arena(op.x) + load<u32>(arena(op.rows) + (<usize>i << 2)) * row, row);
  }
}
