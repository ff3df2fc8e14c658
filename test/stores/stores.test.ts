// One table of tests for PostgreSQL on a real server and for PGlite: what goes in comes out, searches are right, nothing
// that is put in is taken for SQL, and what is wrong is refused.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  index_to_store,
  open_store,
  store_to_index,
  type StoreEntry,
  type StoreOptions,
  type VectorStore,
} from '../../src/host/stores/index.ts';
import { AlignIndex } from '../../src/host/search/align_index.ts';
import { entry, random } from './entries.mjs';
import { start_postgres, type Server } from './postgres.ts';

let server: Server;
const folder = mkdtempSync(join(tmpdir(), 'align-wasm-pglite-'));
const urls: Record<string, string> = { PGlite: `pglite:${join(folder, 'index')}` };
/** Keeps PGlite open between tests. */
let keeper: VectorStore;

beforeAll(async () => {
  [server, keeper] = await Promise.all([
    start_postgres(),
    open_store(urls['PGlite']!, { dimensions: 1, table: 'keeper' }),
  ]);
  urls['PostgreSQL'] = await server.database('stores');
});

afterAll(async () => {
  await keeper.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A model's name that SQL would stumble over. */
const MODEL = `it's "%L" $1 \\`;

async function all(store: VectorStore): Promise<Required<StoreEntry>[]> {
  const found = [];
  for await (const one of store.entries()) found.push(one);
  return found;
}

const bits = (embedding: Float32Array): number[] =>
  Array.from(new Uint32Array(embedding.buffer, embedding.byteOffset, embedding.length));

/** The k best by a naive loop in f64. */
function naive(
  entries: readonly StoreEntry[],
  query: Float32Array,
  k: number,
): { id: string; score: number }[] {
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  return entries
    .map(({ id, embedding }) => ({
      id,
      score: dot(embedding, query) / Math.sqrt(dot(embedding, embedding) * dot(query, query)),
    }))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .slice(0, k);
}

describe.each(['PostgreSQL', 'PGlite'])('%s', (kind) => {
  let tables = 0;

  /** A store in a table of its own; closed when `work` is done. */
  async function with_store<T>(
    work: (store: VectorStore, again: (o?: Partial<StoreOptions>) => Promise<VectorStore>) => Promise<T>,
    options: Partial<StoreOptions> = {},
  ): Promise<T> {
    tables += 1;
    const usual = { dimensions: 32, table: `t${tables}`, ...options };
    const open = (o: Partial<StoreOptions> = {}): Promise<VectorStore> =>
      open_store(urls[kind]!, { ...usual, ...o });
    const store = await open();
    try {
      return await work(store, open);
    } finally {
      await store.close();
    }
  }

  const refusal = async (promise: Promise<unknown>): Promise<unknown> => {
    const error = await promise.then(
      () => new Error('nothing was thrown'),
      (e: unknown) => e,
    );
    return { code: (error as { code?: unknown }).code, message: (error as Error).message };
  };
  const refused = (code: string, message: RegExp): unknown => ({
    code,
    message: expect.stringMatching(message) as unknown,
  });

  test('embeddings come back to the bit, whatever float32 they are', () =>
    with_store(
      async (store) => {
        const entries: StoreEntry[] = [];
        const view = new DataView(new ArrayBuffer(4));
        for (let i = 0; i < 300; i++) {
          const next = random(i);
          const embedding = Float32Array.from({ length: 64 }, () => {
            // Every exponent below 2^10, denormals too, and both signs.
            view.setInt32(0, (next() * 2 ** 31) | 0);
            if (((view.getUint32(0) >>> 23) & 255) > 136) view.setUint8(0, (view.getUint8(0) & 128) | 62);
            return view.getFloat32(0);
          });
          embedding.set([-0, 1, 1e-45, -1.1754944e-38, 0.1, 16777216], i % 50);
          entries.push({ id: String(i).padStart(3, '0'), embedding, meta: null });
        }
        await store.upsert(entries);
        const found = await all(store);
        expect(found.map(({ id }) => id)).toEqual(entries.map(({ id }) => id));
        expect(found.map(({ embedding }) => bits(embedding))).toEqual(
          entries.map(({ embedding }) => bits(embedding)),
        );
        expect(bits((await store.get('007'))!.embedding)).toEqual(bits(entries[7]!.embedding));
      },
      { dimensions: 64 },
    ));

  test('upserts put in, replace, and may be repeated; the last of several with one id counts', () =>
    with_store(async (store) => {
      const first = Array.from({ length: 1203 }, (_, i) => entry(i));
      await store.upsert(first);
      const before = await all(store);
      await store.upsert(first);
      expect(await all(store)).toEqual(before);
      expect(await store.size()).toBe(1203);

      const other = { id: 'entry 5', embedding: entry(9000).embedding, meta: 'new' };
      await store.upsert([{ ...other, meta: 'old' }, entry(5), other]);
      expect(await store.get('entry 5')).toEqual({ embedding: other.embedding, meta: 'new' });
      // Zeros of another sign are other bits.
      const zero = Float32Array.from(entry(6).embedding).fill(0, 3, 5);
      await store.upsert([{ id: 'entry 6', embedding: zero }]);
      zero.fill(-0, 3, 5);
      await store.upsert([{ id: 'entry 6', embedding: zero }]);
      expect(bits((await store.get('entry 6'))!.embedding)).toEqual(bits(zero));
      expect((await store.get('entry 6'))!.meta).toBeNull();

      await store.remove(['entry 5', 'entry 6', 'nobody']);
      await store.remove([]);
      await store.upsert([]);
      expect(await store.size()).toBe(1201);
      expect(await store.get('entry 5')).toBeNull();
    }));

  test('searches equal a naive loop, with ties by id, by the graph too', () =>
    with_store(async (store) => {
      const entries: StoreEntry[] = Array.from({ length: 1500 }, (_, i) => entry(i));
      // Ties: the same direction, and other lengths.
      for (const id of ['b', 'a', 'é', 'Z', 'aa'])
        entries.push({ id, embedding: entry(3).embedding.map((x) => x * 2), meta: null });
      await store.upsert(entries);
      for (const k of [1, 3, 10, 700, 5000]) {
        const query = entry(3).embedding;
        const expected = naive(entries, query, k);
        for (const exact of [undefined, true, false]) {
          const found = await store.search(query, k, { exact });
          expect(found.length).toBe(expected.length);
          const wanted = new Set(expected.map(({ id }) => id));
          const recall = found.filter(({ id }) => wanted.has(id)).length / expected.length;
          if (exact === false) expect(recall).toBeGreaterThanOrEqual(0.95);
          else expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
          const scores = new Map(expected.map(({ id, score }) => [id, score]));
          for (const { id, score } of found)
            if (scores.has(id)) expect(Math.abs(score - scores.get(id)!)).toBeLessThan(1e-6);
        }
      }
      expect((await store.search(entry(3).embedding, 6)).map(({ id }) => id)).toEqual(
        ['entry 3', 'Z', 'a', 'aa', 'b', 'é'].sort(),
      );
    }));

  test('filters give k results where there are k, by a function and by what metadata contains', () =>
    with_store(async (store) => {
      const entries = Array.from({ length: 900 }, (_, i) => entry(i));
      await store.upsert(entries);
      const query = entry(5000).embedding;
      const rare = entries.filter(({ meta }) => meta.number % 90 === 7);
      for (const exact of [undefined, false]) {
        const kept = await store.search(query, 8, {
          exact,
          filter: (_, meta) => (meta as { number: number }).number % 90 === 7,
        });
        expect(kept.map(({ id }) => id)).toEqual(naive(rare, query, 8).map(({ id }) => id));
        const even = await store.search(query, 600, { exact, contains: { even: true } });
        expect(even.length).toBe(450);
        expect(even.every(({ meta }) => (meta as { even: boolean }).even)).toBe(true);
        const one = await store.search(query, 5, { exact, contains: { number: 77 } });
        expect(one.map(({ id }) => id)).toEqual(['entry 77']);
      }
      expect(await store.search(query, 5, { filter: () => false })).toEqual([]);
    }));

  test('an AlignIndex goes into a store and comes back, and both find the same', () =>
    with_store(async (store) => {
      using index = await AlignIndex.create({ dimensions: 32 });
      for (let i = 0; i < 1100; i++) {
        const { id, embedding, meta } = entry(i);
        index.add(
          id,
          embedding,
          i % 3 === 0
            ? null
            : { number: meta.number, even: [meta.even, 1e21, -0.5e-7], a: { z: 1, b: '\\"' } },
        );
      }
      await index_to_store(index, store);
      expect(await store.size()).toBe(1100);
      using back = await AlignIndex.create({ dimensions: 32 });
      await store_to_index(store, back);
      expect(back.to_bytes()).toEqual(index.to_bytes());
      for (let i = 2000; i < 2020; i++) {
        const query = entry(i).embedding;
        const [found, expected] = [await store.search(query, 10), index.search(query, 10)];
        expect(found.map(({ id, meta }) => [id, meta])).toEqual(expected.map(({ id, meta }) => [id, meta]));
        for (const [at, { score }] of expected.entries())
          expect(Math.abs(found[at]!.score - score)).toBeLessThan(1e-6);
      }
      index.add(7, entry(7).embedding);
      expect(await refusal(index_to_store(index, store))).toEqual(refused('invalid_argument', /id is 7/));
    }));

  test('a store remembers dimensions and model, and refuses others', () =>
    with_store(async (store, again) => {
      expect([store.dimensions, store.model]).toEqual([32, null]);
      // Nobody named a model and nothing is in it: the first that is named counts, for stores that are open already too.
      const named = await again({ model: MODEL });
      expect(named.model).toBe(MODEL);
      await named.upsert([entry(1)]);
      expect(await refusal(store.upsert([entry(2)]))).toEqual(refused('invalid_argument', /one_model/));
      await named.close();
      const reader = await again();
      expect(reader.model).toBe(MODEL);
      expect(await reader.size()).toBe(1);
      await reader.close();
      expect(await refusal(again({ model: 'two' }))).toEqual(refused('invalid_argument', /"two"/));
      expect(await refusal(again({ dimensions: 31 }))).toEqual(refused('invalid_argument', /32 .* 31/));
    }));

  test('a store of a model that nobody named takes no name once it is filled', () =>
    with_store(async (store, again) => {
      await store.upsert([entry(1)]);
      expect(await refusal(again({ model: 'one' }))).toEqual(refused('invalid_argument', /not named.*"one"/));
    }));

  test('what looks like SQL is text', () =>
    with_store(async (store) => {
      const strange = [
        `'); DROP TABLE t1; --`,
        `"'\\''"`,
        '{1,2}',
        '{"a","b"}',
        'NULL',
        '',
        ' ',
        '\\',
        '\\x41',
        '\\u0000 \\\\ud800',
        '$1',
        '%s%n',
        'a,b',
        '\n\t\r',
        '😀 \u{10FFFF} \u202E é e\u0301',
        'x'.repeat(2000),
        'null',
        '[1,2]',
      ];
      const entries = strange.map((id, i): StoreEntry => ({
        id,
        embedding: entry(i).embedding,
        meta: { [id]: id, list: [id, null, true, -1.5e-7, 1e21], nested: { [id]: { '': [] } } },
      }));
      await store.upsert(entries);
      await store.upsert(entries);
      expect(await store.size()).toBe(strange.length);
      for (const { id, embedding, meta } of entries) {
        expect(await store.get(id)).toEqual({ embedding, meta });
        const [best] = await store.search(embedding, 1, { contains: { [id]: id } });
        expect(best).toMatchObject({ id, meta });
      }
      await store.remove(strange.slice(0, 3));
      expect(await store.size()).toBe(strange.length - 3);
    }));

  test('wrong values are refused, and nothing of their batch is kept', () =>
    with_store(async (store) => {
      const { embedding } = entry(1);
      const entries: [unknown, RegExp][] = [
        [{ id: 1, embedding }, /id is 1/],
        [{ id: 'a\0b', embedding }, /NUL/],
        [{ id: '\uD800', embedding }, /surrogate/],
        [{ id: 'a', embedding: [1, 2] }, /Float32Array/],
        [{ id: 'a', embedding: embedding.subarray(1) }, /31 numbers.*32/],
        [{ id: 'a', embedding: new Float32Array(32) }, /length 0/],
        [{ id: 'a', embedding: embedding.map((x) => x * 1e-20) }, /length/],
        [{ id: 'a', embedding: embedding.map((x) => x * 1e30) }, /length/],
        [{ id: 'a', embedding: embedding.map((x, i) => (i === 9 ? NaN : x)) }, /length NaN/],
        [{ id: 'a', embedding: embedding.map((x, i) => (i === 9 ? -Infinity : x)) }, /length Infinity/],
        [{ id: 'a', embedding, meta: { x: [NaN] } }, /NaN/],
        [{ id: 'a', embedding, meta: { x: 1n } }, /BigInt/],
        [{ id: 'a', embedding, meta: () => 1 }, /JSON/],
        [{ id: 'a', embedding, meta: { 'k\0': 1 } }, /NUL/],
        [{ id: 'a', embedding, meta: ['\uDC00'] }, /surrogate/],
      ];
      for (const [wrong, message] of entries)
        expect(await refusal(store.upsert([entry(0), wrong as StoreEntry]))).toEqual(
          refused('invalid_argument', message),
        );
      expect(await refusal(store.upsert('x' as never))).toEqual(
        refused('invalid_argument', /entries is "x"/),
      );
      // The database itself refuses this one, in the second statement: an id that no index can hold.
      const next = random(4);
      const id = Array.from({ length: 9000 }, () =>
        String.fromCodePoint(0x4e00 + Math.floor(Math.abs(next()) * 20000)),
      ).join('');
      const many = Array.from({ length: 700 }, (_, i) => entry(i));
      expect(await refusal(store.upsert([...many, { id, embedding }]))).toEqual(
        refused('limit_exceeded', /index/),
      );
      expect(await store.size()).toBe(0);
      for (const k of [0, -1, 1.5, NaN, '3'])
        expect(await refusal(store.search(embedding, k as number))).toEqual(
          refused('invalid_argument', /k is/),
        );
      expect(await refusal(store.search(embedding.subarray(1), 1))).toEqual(
        refused('invalid_argument', /query/),
      );
      expect(await refusal(store.search(embedding, 1, { filter: 3 as never }))).toEqual(
        refused('invalid_argument', /filter is 3/),
      );
      expect(await refusal(store.remove('x' as never))).toEqual(refused('invalid_argument', /ids is "x"/));
    }));

  test('tables and dimensions are checked', async () => {
    const open = (o: object): Promise<unknown> => refusal(open_store(urls[kind]!, { dimensions: 4, ...o }));
    for (const table of ['', 'a b', 'a"b', `t"; DROP TABLE t1; --`, '1a', 'ä', 'a'.repeat(49), 7, 'a.b'])
      expect(await open({ table })).toEqual(refused('invalid_argument', /table is/));
    for (const dimensions of [0, 1.5, '3', undefined, -1])
      expect(await open({ dimensions })).toEqual(refused('invalid_argument', /dimensions is/));
    expect(await open({ dimensions: 2001 })).toEqual(refused('limit_exceeded', /2001.*2000/));
    expect(await open({ model: '' })).toEqual(refused('invalid_argument', /model/));
    expect(await open({ table: 'none', create: false })).toEqual(refused('not_found', /none/));
    expect(await open({ table: 'pg_class' })).toEqual(refused('invalid_argument', /not an index/));
    // A name that SQL would fold or take for its own is one like others.
    for (const table of ['Select', 'SELECT', '_']) {
      const store = await open_store(urls[kind]!, { dimensions: 2000, table });
      expect(await store.size()).toBe(0);
      await store.close();
    }
  });

  test('after it was closed a store does nothing', () =>
    with_store(async (_, again) => {
      const store = await again();
      await store.close();
      await store.close();
      expect(await refusal(store.size())).toEqual(refused('disposed', /closed/));
      expect(await refusal(store.search(entry(1).embedding, 1))).toEqual(refused('disposed', /closed/));
    }));

  test('calls overlap', () =>
    with_store(async (store) => {
      const shuffled = (seed: number): StoreEntry[] =>
        Array.from({ length: 60 }, (_, i) => entry((i * 7 + seed * 13) % 100));
      await Promise.all(Array.from({ length: 12 }, (_, i) => store.upsert(shuffled(i))));
      expect((await all(store)).map(({ id }) => id)).toEqual(
        Array.from({ length: 100 }, (_, i) => `entry ${i}`).sort(),
      );
    }));
});
