// Which mutations are tried: a seeded order of all of them, of which every beginning is stratified over files, and within
// a file over the kinds of change. A file's share grows with the root of its places, so that a small kernel has its share.

import { Random } from '../kernels/support/random.ts';
import { mutations_of, type Mutation } from './mutations.ts';

/** Mutations of a file in the order in which they are tried: one of each kind of change in turn. */
function shuffled(file: string, source: string, seed: number): Mutation[] {
  const own = Buffer.from(file).reduce((hash, byte) => Math.imul(hash, 31) + byte, seed);
  const random = new Random(own);
  const kinds = new Map<string, { mutation: Mutation; key: number }[]>();
  for (const mutation of mutations_of(file, source)) {
    const kind = kinds.get(mutation.operator) ?? [];
    kinds.set(mutation.operator, [...kind, { mutation, key: random.next() }]);
  }
  const piles = [...kinds.values()].map((pile) => pile.sort((a, b) => a.key - b.key));
  const turns = Math.max(0, ...piles.map(({ length }) => length));
  return Array.from({ length: turns }, (_, turn) =>
    piles.flatMap((pile) => pile[turn]?.mutation ?? []),
  ).flat();
}

/** All mutations of `sources` (text by path) in the order in which they are tried. */
export function ordered(sources: Readonly<Record<string, string>>, seed: number): Mutation[] {
  const files = Object.entries(sources)
    .map(([file, source]) => ({ rest: shuffled(file, source, seed), taken: 0 }))
    .map((file) => ({ ...file, share: Math.sqrt(file.rest.length) }));
  const order: Mutation[] = [];
  for (;;) {
    const open = files.filter(({ rest, taken }) => taken < rest.length);
    if (open.length === 0) return order;
    const next = open.reduce((a, b) => (b.taken / b.share < a.taken / a.share ? b : a));
    order.push(next.rest[next.taken++]!);
  }
}
