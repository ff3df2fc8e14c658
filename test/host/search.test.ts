// AlignIndex finds what a naive loop finds, in every dtype and after any history.

import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import {
  AlignIndex,
  type IndexDtype,
  type IndexId,
  type JsonValue,
} from '../../src/host/search/align_index.ts';
import { Random } from '../kernels/support/random.ts';
import { refused } from '../support/bad_calls.ts';
import { naive_dot, naive_order, naive_search, unit, type Entries } from '../support/naive_search.ts';

const DTYPES: readonly IndexDtype[] = ['fp32', 'int8', 'binary'];
/** Rows of a block are 1024, of a group 4, of a vector 16 or 4 numbers. */
const SIZES = [0, 1, 2, 3, 4, 5, 17, 1023, 1024, 1025, 2600];

const open: AlignIndex[] = [];
afterEach(() => {
  for (const index of open.splice(0)) index.dispose();
});

async function make(dtype: IndexDtype, dimensions: number): Promise<AlignIndex> {
  const index = await AlignIndex.create({ dtype, dimensions });
  open.push(index);
  return index;
}

/** Entries as the index gives them back. */
function contents(index: AlignIndex): Entries {
  return new Map(Array.from(index.ids(), (id) => [id, index.get(id)!]));
}

async function random_index(
  dtype: IndexDtype,
  dimensions: number,
  size: number,
  seed = 1,
): Promise<{ index: AlignIndex; random: Random }> {
  const random = new Random(seed + dimensions);
  const index = await make(dtype, dimensions);
  for (let i = 0; i < size; i++) index.add(i % 3 ? i : `no. ${i}`, random.floats(dimensions), { i });
  return { index, random };
}

describe.each(['fp32', 'int8'] as const)('%s', (dtype) => {
  test.each([1, 2, 3, 4, 15, 16, 17, 33, 100])(
    'equals a naive loop in f64 in %i dimensions, scores to the last bit',
    async (dimensions) => {
      for (const size of SIZES) {
        const { index, random } = await random_index(dtype, dimensions, size);
        const entries = contents(index);
        for (const k of [1, 10, 5000]) {
          const query = random.floats(dimensions);
          expect(index.search(query, k)).toEqual(naive_search(entries, query, k));
        }
      }
    },
  );

  test('equals a naive loop in 640 dimensions', async () => {
    const { index, random } = await random_index(dtype, 640, 3000);
    const entries = contents(index);
    for (let i = 0; i < 5; i++) {
      const query = random.floats(640);
      expect(index.search(query, 20)).toEqual(naive_search(entries, query, 20));
    }
  });

  test('orders ties by id, whatever the order of adding', async () => {
    const index = await make(dtype, 8);
    const ids: IndexId[] = ['b', 'B', 'ä', '10', '9', '', '\u{1f600}', '\uffff', 10, 9, -1, 0, 2 ** 53 - 1];
    for (const id of ids) index.add(id, Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    for (let i = 0; i < 3000; i++) index.add(`tie ${i}`, Float32Array.of(2, 4, 6, 8, 10, 12, 14, 16));
    index.add('best', Float32Array.of(2, 2, 2, 2, 2, 2, 2, 2));
    const found = index.search(new Float32Array(8).fill(1), 14).map(({ id }) => id);
    expect(found).toEqual([
      'best',
      -1,
      0,
      9,
      10,
      2 ** 53 - 1,
      '',
      '10',
      '9',
      'B',
      'b',
      'tie 0',
      'tie 1',
      'tie 10',
    ]);
    const all = index.search(new Float32Array(8).fill(1), 5000).map(({ id }) => id);
    expect(all).toEqual(['best', ...all.slice(1).sort(naive_order)]);
  });

  test('tells scores apart that are the same in f32', async () => {
    const random = new Random(5);
    const base = unit(random.floats(64));
    const index = await make(dtype, 64);
    const bits = new Uint32Array(1);
    const number = new Float32Array(bits.buffer);
    for (let i = 0; i < 2500; i++) {
      const near = base.slice();
      number[0] = near[i % 64]!;
      bits[0]! += Math.floor(i / 64) - 20; // units in the last place
      near[i % 64] = number[0];
      index.add(i, near);
    }
    const entries = contents(index);
    for (const query of [base, random.floats(64), base.map((x, i) => x + 1e-4 * (i % 3))]) {
      const found = index.search(query, 100);
      expect(found).toEqual(naive_search(entries, query, 100));
      if (dtype === 'fp32')
        expect(new Set(found.map(({ score }) => Math.fround(score))).size).toBeLessThan(
          new Set(found.map(({ score }) => score)).size,
        );
    }
  });

  test('a query that is one number, or nearly, is exact too', async () => {
    const { index } = await random_index(dtype, 40, 1500);
    const entries = contents(index);
    const query = new Float32Array(40).fill(1e-30);
    query[7] = -3e38;
    expect(index.search(query, 9)).toEqual(naive_search(entries, query, 9));
  });

  test('rows of one large number among small ones, which residuals decide, are exact too', async () => {
    for (const dimensions of [40, 700]) {
      const random = new Random(dimensions);
      const index = await make(dtype, dimensions);
      for (let i = 0; i < 1200; i++) {
        const vector = random.floats(dimensions, -0.004, 0.004);
        vector[i % 3] = i % 2 ? 1 : -1;
        index.add(i, vector);
      }
      const entries = contents(index);
      for (const query of [random.floats(dimensions), random.floats(dimensions, 0.5, 1)]) {
        query.fill(0, 0, 3);
        expect(index.search(query, 30)).toEqual(naive_search(entries, query, 30));
        const batch = index.search(new Array(9).fill(query) as Float32Array[], 30);
        expect(batch[8]).toEqual(naive_search(entries, query, 30));
      }
    }
  });

  test('asks a filter about candidates in their order, each once, until k are found', async () => {
    const { index, random } = await random_index(dtype, 24, 2500);
    const entries = contents(index);
    const query = random.floats(24);
    const rules: ((id: IndexId, meta: JsonValue | null) => boolean)[] = [
      () => true,
      () => false,
      (id) => typeof id === 'number',
      (id) => id === 1,
      (_, meta) => (meta as { i: number }).i % 611 === 7,
    ];
    for (const rule of rules)
      for (const k of [1, 7, 3000]) {
        const asked: IndexId[] = [];
        const filter = (id: IndexId, meta: JsonValue | null): boolean => {
          asked.push(id);
          return rule(id, meta);
        };
        const wanted = naive_search(entries, query, k, rule);
        expect(index.search(query, k, { filter })).toEqual(wanted);
        const all = naive_search(entries, query, 2500).map(({ id }) => id);
        expect(asked).toEqual(wanted.length < k ? all : all.slice(0, all.indexOf(wanted.at(-1)!.id) + 1));
      }
  });
});

describe.each(DTYPES)('%s', (dtype) => {
  test.each([1, 3, 16, 50, 640])(
    'gives a batch the bits of its queries alone, in %i dimensions',
    async (dimensions) => {
      const { index, random } = await random_index(dtype, dimensions, 1300);
      for (const count of [0, 1, 2, 6, 7, 16, 17, 40]) {
        const queries = Array.from({ length: count }, () => random.floats(dimensions));
        const alone = queries.map((query) => index.search(query, 5));
        expect(index.search(queries, 5)).toEqual(alone);
        expect(index.search(queries, 5, { filter: () => true })).toEqual(alone);
      }
    },
  );

  test('has what a model of it has after any sequence of changes', async () => {
    const random = new Random(77);
    const index = await make(dtype, 12);
    const model = new Map<IndexId, { embedding: Float32Array; meta: JsonValue | null }>();
    for (let step = 0; step < 6000; step++) {
      const [choice, number] = random.integers(2, 1000) as unknown as [number, number];
      const id = number % 2 ? number : String(number);
      const vector = random.floats(12);
      const meta = { step, text: '"\n\u{1f600}' };
      if (choice < 550) {
        if (model.has(id)) expect(() => index.add(id, vector)).toThrow('already');
        else index.add(id, vector, choice % 2 ? meta : undefined);
        if (!model.has(id)) model.set(id, { embedding: vector, meta: choice % 2 ? meta : null });
      } else if (choice < 800) {
        expect(index.remove(id)).toBe(model.delete(id));
      } else if (choice < 900) {
        const had = model.get(id);
        if (!had) expect(() => index.update(id, vector)).toThrow('no entry');
        else if (choice % 3 === 0) index.update(id, vector);
        else if (choice % 3 === 1) index.update(id, null, meta);
        else index.update(id, vector, null);
        if (had && choice % 3 !== 1) had.embedding = vector;
        if (had && choice % 3 !== 0) had.meta = choice % 3 === 1 ? meta : null;
      } else {
        index.upsert(id, vector, meta);
        model.set(id, { embedding: vector, meta });
      }
    }
    expect(model.size).toBeGreaterThan(100);
    expect(index.size).toBe(model.size);
    expect([...index.ids()].sort(naive_order)).toEqual([...model.keys()].sort(naive_order));
    const fresh = await make(dtype, 12);
    for (const [id, { embedding, meta }] of model) {
      fresh.add(id, embedding, meta);
      expect(index.has(id)).toBe(true);
      expect(index.get(id)).toEqual(fresh.get(id));
      expect(index.get(id)!.meta).toEqual(meta);
      expect(naive_dot(index.get(id)!.embedding, unit(embedding))).toBeGreaterThan(0.9999);
    }
    const queries = Array.from({ length: 9 }, () => random.floats(12));
    expect(index.search(queries, 25)).toEqual(fresh.search(queries, 25));
    expect(index.to_bytes()).toEqual(fresh.to_bytes());
  });

  test('keeps what it gave: an embedding comes back as it is, put in again', async () => {
    const { index } = await random_index(dtype, 640, 40);
    const again = await make(dtype, 640);
    for (const id of index.ids()) again.add(id, index.get(id)!.embedding, index.get(id)!.meta);
    expect(again.to_bytes()).toEqual(index.to_bytes());
  });

  test('takes no more memory for many removals and additions than for the most at a time', async () => {
    const { index, random } = await random_index(dtype, 64, 3000);
    const { memory } = index;
    for (let round = 0; round < 5; round++) {
      for (const id of [...index.ids()]) index.remove(id);
      expect(index.size).toBe(0);
      expect(index.search(random.floats(64), 3)).toEqual([]);
      for (let i = 0; i < 3000; i++) index.add(i, random.floats(64));
    }
    expect(index.memory).toBe(memory);
  });

  test('grows by no more than a quarter beyond its needs', async () => {
    const { index } = await random_index(dtype, 640, 20_000);
    const row = { fp32: 2560, int8: 724, binary: 804 }[dtype];
    expect(index.memory).toBeLessThan(1.25 * 20_000 * row);
  });

  test('merges shards to the bytes of the whole; equal entries may be in both', async () => {
    const { index } = await random_index(dtype, 20, 2100);
    const [one, two] = [await make(dtype, 20), await make(dtype, 20)];
    [...index.ids()].forEach((id, i) => {
      const { embedding, meta } = index.get(id)!;
      if (i % 2 || i < 50) one.add(id, embedding, meta);
      if (i % 2 === 0) two.add(id, embedding, meta);
    });
    two.merge(one);
    expect(two.size).toBe(2100);
    expect(two.to_bytes()).toEqual(index.to_bytes());
    two.merge(two);
    expect(two.size).toBe(2100);

    one.update(1, null, 'other');
    const before = two.to_bytes();
    await refused('invalid_argument', ['both indexes have 1'], () => two.merge(one));
    const other = await make(dtype, 21);
    await refused('invalid_argument', ['dimensions 21'], () => two.merge(other));
    expect(two.to_bytes()).toEqual(before);
  });
});

test('metadata is what was given, not what became of it, and hostile names are only names', async () => {
  const index = await make('fp32', 2);
  const meta = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "list": [1]}') as {
    list: number[];
  };
  for (const id of ['__proto__', 'constructor', 'toString', '']) index.add(id, Float32Array.of(1, 2), meta);
  meta.list.push(2);
  const [found] = index.search(Float32Array.of(1, 2), 1);
  expect(found!.id).toBe('');
  expect(Object.keys(found!.meta as object)).toEqual(['__proto__', 'constructor', 'list']);
  (found!.meta as { list: number[] }).list.push(3);
  expect((index.get('__proto__')!.meta as { list: number[] }).list).toEqual([1]);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(index.has('hasOwnProperty')).toBe(false);
});

test('-0 is 0, and 1 is not "1"', async () => {
  const index = await make('fp32', 2);
  index.add(-0, Float32Array.of(1, 0));
  index.add(1, Float32Array.of(1, 1));
  index.add('1', Float32Array.of(0, 1));
  expect(index.has(0)).toBe(true);
  expect(Object.is([...index.ids()][0], 0)).toBe(true);
  expect(index.search(Float32Array.of(0, 1), 1)[0]!.id).toBe('1');
  expect(index.remove('0')).toBe(false);
});

test('works with the module handed over, and with the relaxed one gives the same results', async () => {
  const module = (name: string): Uint8Array => readFileSync(new URL(`../../dist/${name}`, import.meta.url));
  const random = new Random(3);
  const results = [];
  for (const wasm of [module('align.wasm'), module('align.relaxed.wasm')]) {
    if (!WebAssembly.validate(wasm as Uint8Array<ArrayBuffer>)) continue;
    const index = await AlignIndex.create({ dimensions: 48, dtype: 'fp32', wasm });
    open.push(index);
    const seeded = new Random(4);
    for (let i = 0; i < 1500; i++) index.add(i, seeded.floats(48));
    results.push(index.search(new Random(5).floats(48), 50));
  }
  expect(results[0]).toHaveLength(50);
  for (const result of results) expect(result).toEqual(results[0]);
  expect(random.next()).toBeLessThan(1);
});

test('Align.create_index takes width and name from the model', async () => {
  const align = await Align.load(undefined, { towers: 'text' });
  const index = await align.create_index({ dtype: 'int8' });
  const named = await align.create_index({ model: 'mine' });
  open.push(index, named);
  expect([index.dimensions, index.dtype, named.dtype, named.model]).toEqual([256, 'int8', 'fp32', 'mine']);
  expect(index.model).toMatch(/^align-256-[0-9a-f]{8}$/);
  const texts = ['a dog', 'a sailboat', 'a bicycle'];
  const embeddings = await align.embed_text(texts);
  texts.forEach((text, i) => index.add(text, embeddings[i]!));
  expect(index.search(await align.embed_text('a sailboat'), 1)[0]!.id).toBe('a sailboat');
  await refused('invalid_argument', ['"dtyp"'], () => align.create_index({ dtyp: 'int8' } as never));
  align.dispose();
  await refused('disposed', ['Align'], () => align.create_index());
});
