// AlignIndex: it finds what a naive loop finds, and its bytes depend on its entries alone.

import fc from 'fast-check';
import { assert } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { AlignIndex, type IndexId, type JsonValue } from '../../src/host/search/align_index.ts';
import { Random } from '../kernels/support/random.ts';
import { naive_search, unit, type Entries } from '../support/naive_search.ts';
import { pick, seed, unicode, whole } from './draws.ts';
import { property } from './property.ts';

const dtype = pick('fp32', 'int8', 'binary');
const exact = pick('fp32', 'int8');
const dimensions = whole(1, 40);
const id: fc.Arbitrary<IndexId> = fc.oneof(unicode, whole(-9, 9), fc.maxSafeInteger());
const meta: fc.Arbitrary<JsonValue | null> = fc
  .option(fc.jsonValue({ maxDepth: 2 }), { nil: null })
  // JSON has one zero.
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue | null);
const entries = fc.uniqueArray(fc.record({ id, meta }), {
  selector: ({ id }) => id,
  minLength: 1,
  maxLength: 30,
});

/** Embeddings, of which some are equal, so that scores tie. */
function embedding(seed: number, dimensions: number): Float32Array {
  return new Random(seed % 7 === 0 ? 7 : seed).floats(dimensions, -1, 1.01);
}

type Given = readonly { readonly id: IndexId; readonly meta: JsonValue | null }[];

async function with_index<T>(
  options: { readonly dtype: 'fp32' | 'int8' | 'binary'; readonly dimensions: number },
  list: Given,
  start: number,
  task: (index: AlignIndex) => T | Promise<T>,
): Promise<T> {
  const index = await AlignIndex.create(options);
  try {
    list.forEach(({ id, meta }, i) => { index.add(id, embedding(start + i, options.dimensions), meta); }); // prettier-ignore
    return await task(index);
  } finally {
    index.dispose();
  }
}

/** Entries as the index gives them back. */
const contents = (index: AlignIndex): Entries =>
  new Map(Array.from(index.ids(), (id) => [id, index.get(id)!]));

property(
  'A search equals a naive loop in f64, scores to the last bit, ties by id',
  [exact, dimensions, entries, seed, whole(1, 40)],
  (dtype, dimensions, list, start, k) =>
    with_index({ dtype, dimensions }, list, start, (index) => {
      const query = embedding(start + 1000, dimensions);
      assert.deepEqual(index.search(query, k), naive_search(contents(index), query, k));
    }),
);

property(
  'A filter leaves what a naive filter leaves',
  [exact, dimensions, entries, seed, whole(1, 40), whole(1, 5)],
  (dtype, dimensions, list, start, k, keep) =>
    with_index({ dtype, dimensions }, list, start, (index) => {
      const filter = (id: IndexId, meta: JsonValue | null): boolean => (JSON.stringify([id, meta]).length * 7) % 5 < keep; // prettier-ignore
      const query = embedding(start + 1000, dimensions);
      assert.deepEqual(index.search(query, k, { filter }), naive_search(contents(index), query, k, filter));
    }),
);

property(
  'Queries together find what each finds alone',
  [dtype, dimensions, entries, seed, whole(1, 40), whole(1, 20)],
  (dtype, dimensions, list, start, k, count) =>
    with_index({ dtype, dimensions }, list, start, (index) => {
      const queries = Array.from({ length: count }, (_, i) => embedding(start + 1000 + i, dimensions));
      assert.deepEqual(index.search(queries, k), queries.map((query) => index.search(query, k))); // prettier-ignore
    }),
);

property(
  'A score is at most 1, and that of an entry found by itself',
  [exact, dimensions, entries, seed],
  (dtype, dimensions, list, start) =>
    with_index({ dtype, dimensions }, list, start, (index) => {
      for (const [id, { embedding }] of contents(index)) {
        const found = index.search(embedding, list.length);
        assert(found.every(({ score }) => Math.abs(score) <= 1 + 1e-6));
        const own = found.find((match) => match.id === id)!;
        assert(own.score > 1 - 1e-6 && found[0]!.score - own.score < 1e-6, `${own.score} is not the best`);
      }
    }),
);

property(
  'What is kept is the embedding: of length 1, and rounded to 9 bits unless it is fp32',
  [dtype, dimensions, entries, seed],
  (dtype, dimensions, list, start) =>
    with_index({ dtype, dimensions }, list, start, (index) => {
      list.forEach(({ id, meta }, i) => {
        const kept = index.get(id)!;
        assert.deepEqual(kept.meta, meta);
        const want = unit(embedding(start + i, dimensions));
        const most = Math.max(...want.map(Math.abs));
        const error = dtype === 'fp32' ? 0 : 2 * (Math.sqrt(dimensions) / 510 + 1e-6) * most;
        kept.embedding.forEach((v, j) => { assert(Math.abs(v - want[j]!) <= error, `${v}, not ${want[j]!}`); }); // prettier-ignore
      });
    }),
);

/** What is done to an index: an entry comes, changes, or goes. */
const edits = fc.array(fc.record({ place: whole(0, 9), what: pick('upsert', 'upsert', 'remove', 'update'), seed }), { maxLength: 40 }); // prettier-ignore

property(
  'The bytes depend on the entries alone, not on how they came, changed and went',
  [dtype, dimensions, edits],
  async (dtype, dimensions, edits) => {
    const expected = new Map<number, { seed: number; meta: JsonValue | null }>();
    await with_index({ dtype, dimensions }, [], 0, async (index) => {
      for (const { place, what, seed } of edits) {
        const known = expected.has(place);
        if (what === 'remove') {
          assert.strictEqual(index.remove(place), known);
          expected.delete(place);
        } else if (what === 'upsert') {
          index.upsert(place, embedding(seed, dimensions), seed);
          expected.set(place, { seed, meta: seed });
        } else if (known) {
          index.update(place, embedding(seed, dimensions));
          expected.set(place, { seed, meta: expected.get(place)!.meta });
        } else assert.throws(() => { index.update(place, embedding(seed, dimensions)); }, AlignError); // prettier-ignore
        assert.strictEqual(index.size, expected.size);
      }
      const fresh = await AlignIndex.create({ dtype, dimensions });
      for (const [id, { seed, meta }] of [...expected].sort(([a], [b]) => b - a)) fresh.add(id, embedding(seed, dimensions), meta); // prettier-ignore
      assert.deepEqual(index.to_bytes(), fresh.to_bytes());
      fresh.dispose();
    });
  },
);

property(
  'An index comes back from its bytes: entries, bytes and what it finds',
  [dtype, dimensions, entries, seed],
  (dtype, dimensions, list, start) =>
    with_index({ dtype, dimensions }, list, start, async (index) => {
      const bytes = index.to_bytes();
      const back = await AlignIndex.from_bytes(bytes);
      assert.deepEqual(back.to_bytes(), bytes);
      assert.deepEqual([back.size, back.dtype, back.dimensions], [list.length, dtype, dimensions]);
      const query = embedding(start + 1000, dimensions);
      assert.deepEqual(back.search(query, 40), index.search(query, 40));
      back.dispose();
    }),
);

property(
  'Two shares merged are the whole, whichever takes over the other',
  [dtype, dimensions, entries, seed, fc.nat(), whole(0, 5)],
  async (dtype, dimensions, list, start, any, both) => {
    const cut = any % (list.length + 1);
    const indexes = await Promise.all([0, 1, 2].map(() => AlignIndex.create({ dtype, dimensions })));
    const [first, second, all] = indexes as [AlignIndex, AlignIndex, AlignIndex];
    list.forEach(({ id, meta }, i) => {
      const own = embedding(start + i, dimensions);
      all.add(id, own, meta);
      if (i < cut + both) first.add(id, own, meta);
      if (i >= cut) second.add(id, own, meta);
    });
    const [into, from] = any % 2 ? [first, second] : [second, first];
    into.merge(from);
    assert.deepEqual(into.to_bytes(), all.to_bytes());
    indexes.forEach((index) => { index.dispose(); }); // prettier-ignore
  },
);
