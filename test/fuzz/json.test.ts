// JSON files that parsers break on: each ends in an AlignError with its place, soon.

import { expect, test } from 'vitest';
import { parse_object } from '../../src/host/checkpoint/json.ts';
import { AlignError, show } from '../../src/host/errors.ts';

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const BAD: readonly [name: string, text: () => string, message: string][] = [
  ['lists 65 deep', () => `{"a":${deep(64)}}`, '64 deep at character 68'],
  ['lists a million deep', () => `{"a":${deep(1_000_000)}}`, '64 deep'],
  ['a million open lists', () => `{"a":${'['.repeat(1_000_000)}`, '64 deep'],
  ['objects 65 deep', () => '{"a":'.repeat(65), '64 deep'],
  ['ten million escapes, then no end', () => `{"${'\\n'.repeat(10_000_000)}`, 'line 1, column 2'],
  [
    'ten million escapes, then a mark too many',
    () => `{"${'\\n'.repeat(10_000_000)}":1,}`,
    'column 20000007',
  ],
  ['a comma too many behind brackets in a text', () => '{"a":"[[[\\"[[{{",}', 'column 18'],
  ['a byte-order mark', () => '\ufeff{}', 'line 1, column 1'],
  ['a lone escape', () => '{"a":"\\u12"}', 'line 1, column 6'],
  ['NaN, as Python writes it', () => '{"a":NaN}', 'line 1, column 6'],
  ['a list', () => '[]', 'a JSON object is expected'],
  ['null', () => 'null', 'a JSON object is expected'],
];

test.each(BAD)('%s', (_, text, message) => {
  const error = (() => {
    try {
      return parse_object('config.json', text());
    } catch (caught) {
      return caught;
    }
  })();
  expect(error).toBeInstanceOf(AlignError);
  expect(error).toMatchObject({ code: 'corrupt_checkpoint' });
  expect((error as AlignError).message).toContain(message);
  expect((error as AlignError).message.length).toBeLessThan(400);
});

test('brackets in texts do not count, and 64 deep is read', () => {
  expect(parse_object('a', `{"${'[{'.repeat(500)}":"${'\\"['.repeat(500)}"}`)).toBeTypeOf('object');
  expect(parse_object('a', `{"a":${deep(63)}}`)).toBeTypeOf('object');
});

test('a message shows lists three deep, and the beginning of a long text', () => {
  expect(show(JSON.parse(deep(5)))).toBe('[[[[…]]]]');
  expect(show(JSON.parse(deep(5000)))).toBe('[[[[…]]]]');
  expect(show('x'.repeat(1_000_000))).toBe(`"${'x'.repeat(116)}…`);
});
