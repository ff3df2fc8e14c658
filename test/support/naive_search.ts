// Search as one would write it down: every score by a loop in f64, everything sorted.

import type { IndexId, JsonValue, Match } from '../../src/host/search/align_index.ts';

/** What is searched: vectors of length 1, with metadata. */
export type Entries = ReadonlyMap<IndexId, { embedding: Float32Array; meta: JsonValue | null }>;

/** v / |v| in f64, rounded to f32; what has length 1 within 2⁻²⁰ stays. */
export function unit(v: Float32Array): Float32Array {
  const squares = naive_dot(v, v);
  return Math.abs(squares - 1) <= 2 ** -20 ? v : v.map((x) => x / Math.sqrt(squares));
}

export function naive_dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Numbers before strings, numbers ascending, strings by UTF-16 code units. */
export function naive_order(a: IndexId, b: IndexId): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The k best of all, or fewer. */
export function naive_search(
  entries: Entries,
  query: Float32Array,
  k: number,
  filter: (id: IndexId, meta: JsonValue | null) => boolean = () => true,
): Match[] {
  const q = unit(query);
  return Array.from(entries, ([id, { embedding, meta }]) => ({ id, score: naive_dot(q, embedding), meta }))
    .filter(({ id, meta }) => filter(id, meta))
    .sort((a, b) => b.score - a.score || naive_order(a.id, b.id))
    .slice(0, k);
}
