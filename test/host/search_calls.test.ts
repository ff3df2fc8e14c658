// Bad calls of AlignIndex: refused with the value in the message, and nothing is changed.

import { afterEach, describe, expect, test } from 'vitest';
import { AlignIndex, type IndexDtype } from '../../src/host/search/align_index.ts';
import { Random } from '../kernels/support/random.ts';
import { refused } from '../support/bad_calls.ts';

const open: AlignIndex[] = [];
afterEach(() => {
  for (const index of open.splice(0)) index.dispose();
});

async function make(dtype: IndexDtype, dimensions: number): Promise<AlignIndex> {
  const index = await AlignIndex.create({ dtype, dimensions });
  open.push(index);
  return index;
}

describe('bad calls', () => {
  const vector = Float32Array.of(1, 2, 3);

  test.each<[string, string, (index: AlignIndex) => unknown]>([
    ['an id that is there', 'already', (index) => index.add('a', vector)],
    ['an id that is not there', 'no entry "b"', (index) => index.update('b', vector)],
    ['no id', 'undefined', (index) => index.add(undefined as never, vector)],
    ['a broken number as id', '0.5', (index) => index.add(0.5, vector)],
    ['a number too large as id', '9007199254740992', (index) => index.add(2 ** 53, vector)],
    ['a number too small', '2 values', (index) => index.add('b', vector.slice(1))],
    ['an array', '[1, 2, 3]', (index) => index.add('b', [1, 2, 3] as never)],
    ['no embedding', 'undefined', (index) => index.upsert('b', undefined as never)],
    ['zeros', 'all zeros', (index) => index.add('b', new Float32Array(3))],
    ['not a number', 'value 1 is NaN', (index) => index.add('b', Float32Array.of(1, NaN, 2))],
    ['an infinity', 'value 2 is -Infinity', (index) => index.upsert('a', Float32Array.of(1, 2, -Infinity))],
    ['a cycle', 'JSON', (index) => index.add('b', vector, cycle() as never)],
    ['a function in meta', 'JSON', (index) => index.add('b', vector, { f: () => 1 } as never)],
    ['undefined in meta', 'undefined', (index) => index.add('b', vector, [undefined] as never)],
    ['a hole in meta', 'undefined', (index) => index.add('b', vector, new Array(1) as never)],
    ['NaN in meta', 'NaN', (index) => index.update('a', null, { x: NaN })],
    ['a Date in meta', 'Date', (index) => index.add('b', vector, new Date(0) as never)],
    ['a bigint in meta', 'JSON', (index) => index.add('b', vector, 1n as never)],
    ['k = 0', 'not 0', (index) => index.search(vector, 0)],
    ['k = 1.5', '1.5', (index) => index.search(vector, 1.5)],
    ['no k', 'undefined', (index) => index.search(vector, undefined as never)],
    ['a query too long', '4 values', (index) => index.search(Float32Array.of(1, 2, 3, 4), 1)],
    [
      'a query of zeros among others',
      'queries[1]',
      (index) => index.search([vector, new Float32Array(3)], 1),
    ],
    ['a text for a query', '"cat"', (index) => index.search('cat' as never, 1)],
    ['an unknown option', 'did you mean filter', (index) => index.search(vector, 1, { filer: 1 } as never)],
    ['a filter that is none', '"x"', (index) => index.search(vector, 1, { filter: 'x' } as never)],
    ['something else to merge', '"b"', (index) => index.merge('b' as never)],
  ])('%s', async (_, words, call) => {
    const index = await make('int8', 3);
    index.add('a', vector, { first: true });
    const before = index.to_bytes();
    await refused('invalid_argument', [words], () => call(index));
    expect(index.to_bytes()).toEqual(before);
  });

  test.each([
    [{}, 'dimensions'],
    [undefined, 'dimensions'],
    [{ dimensions: 0 }, '0'],
    [{ dimensions: 1.5 }, '1.5'],
    [{ dimensions: 65_537 }, '65537'],
    [{ dimensions: 3, dtype: 'fp16' }, '"fp16"'],
    [{ dimensions: 3, model: 7 }, '7'],
    [{ dimensions: 3, wasm: 7 }, '7'],
    [{ dimension: 3 }, 'did you mean dimensions'],
  ])('create(%j)', async (options, words) => {
    await refused('invalid_argument', [words], () => AlignIndex.create(options as never));
  });

  test('a filter that changes the index is refused, one that throws is heard, and the index works on', async () => {
    const index = await make('fp32', 5);
    const random = new Random(1);
    for (let i = 0; i < 30; i++) index.add(i, random.floats(5));
    const query = random.floats(5);
    const changes: (() => unknown)[] = [
      () => index.remove(1),
      () => index.add('x', query),
      () => index.merge(index),
      () => index.update(1, null, 1),
    ];
    for (const change of changes)
      await refused('invalid_argument', ['being searched'], () =>
        index.search(query, 1, { filter: () => change() === true }),
      );
    const stop = new Error('stop');
    const filter = (): boolean => {
      throw stop;
    };
    expect(() => index.search(query, 1, { filter })).toThrow(stop);
    expect(index.remove(1)).toBe(true);
  });

  test('after dispose every call is refused', async () => {
    const index = await make('binary', 3);
    index.add('a', vector);
    index.dispose();
    index.dispose();
    expect(index.memory).toBe(0);
    const calls: (() => unknown)[] = [
      () => index.size,
      () => index.add('b', vector),
      () => index.remove('a'),
      () => index.has('a'),
      () => index.get('a'),
      () => index.ids(),
      () => index.search(vector, 1),
      () => index.to_bytes(),
      () => index.save('x'),
    ];
    for (const call of calls) await refused('disposed', ['AlignIndex'], call);
  });
});

function cycle(): object {
  const loop: { self?: object } = {};
  loop.self = loop;
  return loop;
}
