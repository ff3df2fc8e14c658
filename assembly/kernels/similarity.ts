// out[i, j] = a[i] · b[j] / temperature: logits_per_text from the two towers' unit vectors.

import { dot } from './normalize';
import { arena, weights } from '../plan/bases';
import { Similarity } from '../plan/op';
import { begin_of, end_of } from '../plan/share';

/** Shares split the rows of a. */
export function similarity(op: Similarity, part: u32, parts: u32): void {
  const row = <usize>op.k << 2;
  const ldo = <usize>op.ldo << 2;
  const temperature = load<f32>(weights(op.weights));
  const end = end_of(op.m, part, parts);
  for (let i = begin_of(op.m, part, parts); i < end; i++) {
    const a = arena(op.a) + i * row;
    const out = arena(op.out) + i * ldo;
    for (let j: u32 = 0; j < op.n; j++) {
      store<f32>(out + (<usize>j << 2), dot(a, arena(op.b) + j * row, row) / temperature);
    }
    memory.fill(out + (<usize>op.n << 2), 0, ldo - (<usize>op.n << 2));
  }
}
