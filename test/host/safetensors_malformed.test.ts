// Each way to break a safetensors file, by accident or on purpose: refused by name, with the code and the place, within 50 ms
// and without asking for more memory than twice the file.

import { describe, expect, test } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { SafetensorsFile } from '../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { judge, type Target } from '../fuzz/harness.ts';
import { entry, file_bytes, one } from '../support/safetensors_files.ts';

const NAME = 'model.safetensors';
const LARGE = 16_700_000;
const utf8 = new TextEncoder();

/** With a byte in the place of a character. */
function replaced(text: string, character: string, byte: number): Uint8Array {
  const bytes = utf8.encode(text);
  bytes[text.indexOf(character)] = byte;
  return bytes;
}

function many(count: number): string {
  return `{${Array.from({ length: count }, (_, i) => `"t${i}":${entry('[0]', '[0,0]')}`).join(',')}}`;
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"k${i}":""`).join(',');
}

function raw_name(...bytes: number[]): Uint8Array {
  return Uint8Array.from([0x7b, 0x22, ...bytes, 0x22, 0x7d]);
}

/** Name, file, and what the message says. */
const MALFORMED: readonly [name: string, file: Uint8Array | (() => Uint8Array), problem: string][] = [
  ['an empty file', new Uint8Array(0), 'at least 8 bytes'],
  ['seven bytes', new Uint8Array(7), 'at least 8 bytes'],
  ['a header of no bytes', file_bytes('', 0, 0n), 'does not begin with'],
  ['a header longer than the file', file_bytes(one(), 4, 500n), 'does not fit'],
  ['a header one byte longer than the file', file_bytes('{}', 0, 3n), 'does not fit'],
  ['a header above 16 MB', file_bytes('{}', 0, BigInt(2 ** 24 + 1)), 'limit'],
  ['a length of 2^64 - 1', file_bytes('{}', 0, 2n ** 64n - 1n), 'limit'],
  ['a length of 2^64 - 8, which wraps to the start', file_bytes('{}', 0, 2n ** 64n - 8n), 'limit'],
  ['a length of 2^32 + 2, which is 2 in 32 bits', file_bytes('{}', 0, 2n ** 32n + 2n), 'limit'],
  ['a truncated header', file_bytes(one().slice(0, -5), 4), 'expected'],
  ['a header cut inside a string', file_bytes('{"w', 4), 'inside a string'],
  ['a header that is an array', file_bytes('[]'), 'does not begin with'],
  ['a space before the header', file_bytes(' {}'), 'does not begin with'],
  ['a byte-order mark', file_bytes('\ufeff{}'), 'does not begin with'],
  ['a second object behind the header', file_bytes('{}{}'), 'only spaces'],
  ['a line end behind the header', file_bytes('{}\n'), 'only spaces'],
  ['a zero byte behind the header', file_bytes('{}\0'), 'only spaces'],
  ['a trailing comma', file_bytes('{"w":' + entry() + ',}', 4), 'string is expected'],
  ['a missing colon', file_bytes('{"w"' + entry() + '}', 4), '":" is expected'],
  ['a missing comma', file_bytes(`{"a":${entry()}"b":${entry('[1]', '[4,8]')}}`, 8), '"}" is expected'],
  ['single quotes', file_bytes("{'w':1}"), 'string is expected'],
  ['a comment', file_bytes('{/* */}'), 'string is expected'],
  ['invalid UTF-8 in a name', file_bytes(replaced(one(), 'w', 0xff), 4), 'UTF-8'],
  ['a surrogate as UTF-8', file_bytes(new Uint8Array([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d])), 'UTF-8'],
  ['an overlong encoding', file_bytes(new Uint8Array([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d])), 'UTF-8'],
  ['invalid UTF-8 between tokens', file_bytes(new Uint8Array([0x7b, 0xff, 0x7d])), 'UTF-8'],
  ['a control character in a name', file_bytes(one().replace('w', '\n'), 4), 'control character'],
  ['a lone high surrogate', file_bytes(one().replace('w', '\\ud800'), 4), 'lone surrogate'],
  ['a lone low surrogate', file_bytes(one().replace('w', '\\udc00x'), 4), 'lone surrogate'],
  ['an unknown escape', file_bytes(one().replace('w', '\\x41'), 4), 'unknown escape'],
  ['a short unicode escape', file_bytes(one().replace('w', '\\u12'), 4), 'unknown escape'],
  ['a name that occurs twice', file_bytes(`{"w":${entry()},"w":${entry()}}`, 4), 'twice'],
  ['the same name, once escaped', file_bytes(`{"w":${entry()},"\\u0077":${entry()}}`, 4), 'twice'],
  ['__proto__ twice', file_bytes(`{"__proto__":${entry()},"__proto__":${entry()}}`, 4), 'twice'],
  ['metadata twice', file_bytes('{"__metadata__":{},"__metadata__":{}}'), 'twice'],
  ['a metadata key twice', file_bytes('{"__metadata__":{"a":"b","a":"c"}}'), 'twice'],
  ['a number in the metadata', file_bytes('{"__metadata__":{"a":1}}'), 'string is expected'],
  ['null for metadata', file_bytes('{"__metadata__":null}'), '"{" is expected'],
  ['an entry field twice', file_bytes(one().replace('"shape"', '"dtype":"F32","shape"'), 4), 'twice'],
  ['an unknown entry field', file_bytes(one().replace('"shape"', '"x":1,"shape"'), 4), 'only: "x"'],
  ['no dtype', file_bytes('{"w":{"shape":[1],"data_offsets":[0,4]}}', 4), 'dtype is absent'],
  ['no shape', file_bytes('{"w":{"dtype":"F32","data_offsets":[0,4]}}', 4), 'shape is absent'],
  ['no data_offsets', file_bytes('{"w":{"dtype":"F32","shape":[1]}}', 4), 'data_offsets'],
  ['a tensor as an array', file_bytes('{"w":["F32",[1],[0,4]]}', 4), '"{" is expected'],
  ['null for a tensor', file_bytes('{"w":null}'), '"{" is expected: "null"'],
  ['an unknown dtype', file_bytes(one('[1]', '[0,4]', '"F33"'), 4), 'unknown dtype "F33"'],
  ['a dtype that every object has', file_bytes(one('[1]', '[0,4]', '"constructor"'), 4), 'unknown dtype'],
  ['a dtype in small letters', file_bytes(one('[1]', '[0,4]', '"f32"'), 4), 'unknown dtype'],
  ['a number for a dtype', file_bytes(one('[1]', '[0,4]', '32'), 4), 'string is expected'],
  ['one offset', file_bytes(one('[1]', '[0]'), 4), 'two integers'],
  ['three offsets', file_bytes(one('[1]', '[0,4,4]'), 4), 'more than 2'],
  ['a negative dimension', file_bytes(one('[-1]'), 4), 'not an integer'],
  ['minus zero', file_bytes(one('[1]', '[-0,4]'), 4), 'not an integer'],
  ['a fraction', file_bytes(one('[1.0]'), 4), 'not an integer'],
  ['an exponent', file_bytes(one('[1e0]'), 4), 'not an integer'],
  ['a leading zero', file_bytes(one('[01]'), 4), 'not an integer'],
  ['a plus sign', file_bytes(one('[+1]'), 4), 'not an integer'],
  ['a hexadecimal number', file_bytes(one('[0x1]'), 4), 'not an integer'],
  ['a string for a number', file_bytes(one('["1"]'), 4), 'not an integer'],
  ['a nested shape', file_bytes(one('[[1]]'), 4), 'not an integer'],
  ['an empty place in a shape', file_bytes(one('[1,]'), 4), 'not an integer'],
  ['2^53', file_bytes(one('[9007199254740992]'), 4), 'not an integer'],
  ['2^64, which wraps to 0', file_bytes(one('[18446744073709551616]', '[0,0]')), 'not an integer'],
  ['a number of 1,000 digits', file_bytes(one(`[${'9'.repeat(1000)}]`), 4), 'not an integer'],
  ['2^32 x 2^32, which wraps to 0', file_bytes(one('[4294967296,4294967296]', '[0,0]')), 'overflows'],
  ['a size above 2^53 bytes', file_bytes(one('[9007199254740991]', '[0,4]'), 4), 'overflows'],
  ['rank 9', file_bytes(one('[1,1,1,1,1,1,1,1,1]'), 4), 'more than 8 dimensions'],
  ['too few bytes for the shape', file_bytes(one('[2]'), 4), 'takes 8 bytes'],
  ['too many bytes for the shape', file_bytes(one('[1]', '[0,8]'), 8), 'takes 4 bytes'],
  ['reversed offsets', file_bytes(one('[1]', '[4,0]'), 4), 'reversed'],
  ['data before the first tensor', file_bytes(one('[1]', '[4,8]'), 8), 'begins at byte'],
  ['a hole', file_bytes(`{"a":${entry()},"b":${entry('[1]', '[8,12]')}}`, 12), 'begins at byte'],
  ['an overlap', file_bytes(`{"a":${entry()},"b":${entry('[1]', '[2,6]')}}`, 6), 'begins at byte'],
  ['two tensors in one place', file_bytes(`{"a":${entry()},"b":${entry()}}`, 4), 'begins at byte'],
  [
    'an empty tensor inside another',
    file_bytes(`{"a":${entry()},"b":${entry('[0]', '[2,2]')}}`, 4),
    'begins at byte',
  ],
  ['a truncated file', file_bytes(one(), 3), 'the tensors end'],
  ['bytes behind the last tensor', file_bytes(one(), 5), 'the tensors end'],
  ['bytes behind no tensor', file_bytes('{}', 1), 'the tensors end'],
  [
    'offsets far outside the file',
    file_bytes(one('[1]', '[9007199254740987,9007199254740991]'), 4),
    'begins at byte',
  ],
  ['10,001 tensors', file_bytes(many(10_001)), 'more than 10000 tensors'],
  ['1,001 metadata keys', file_bytes(`{"__metadata__":{${keys(1_001)}}}`), 'more than 1000 entries'],
  ['100,000 open brackets', file_bytes(one('['.repeat(100_000)), 4), 'not an integer'],
  ['a pickle', Uint8Array.from([0x80, 0x02, ...utf8.encode('ctorch._utils\n_rebuild')]), 'limit'],
  ['a zip archive', Uint8Array.from([...utf8.encode('PK\u0003\u0004'), ...new Uint8Array(40)]), 'limit'],
  ['a Git LFS pointer', utf8.encode('version https://git-lfs.github.com/spec/v1\n'), 'git lfs pull'],

  // Numbers and places.
  [
    '2^53 + 1, which rounds to a size that fits',
    file_bytes(one('[1]', '[0,9007199254740993]'), 4),
    'not an integer',
  ],
  ['2^63', file_bytes(one('[9223372036854775808]'), 4), 'not an integer'],
  [
    '2^64 + 4, which wraps to the right size',
    file_bytes(one('[1]', '[0,18446744073709551620]'), 4),
    'not an integer',
  ],
  ['2^31 x 2^31 x 4, which wraps to 0', file_bytes(one('[2147483648,2147483648,4]', '[0,0]')), 'overflows'],
  [
    '2^16 x 2^16 x F32, which wraps to 0 in 32 bits',
    file_bytes(one('[65536,65536]', '[0,0]')),
    'takes 17179869184',
  ],
  [
    'an overflow hidden behind a 0',
    file_bytes(one('[9007199254740991,9007199254740991,0]', '[0,0]')),
    'overflows',
  ],
  [
    'an overflow of the element size alone',
    file_bytes(one('[1125899906842624]', '[0,0]', '"C64"')),
    'overflows',
  ],
  ['a dimension of 0 with data', file_bytes(one('[0]', '[0,4]'), 4), 'takes 0 bytes'],
  ['a dimension of 10^400', file_bytes(one('[1e400]'), 4), 'not an integer'],
  ['NaN for a dimension', file_bytes(one('[NaN]'), 4), 'not an integer'],
  ['null for a dimension', file_bytes(one('[null]'), 4), 'not an integer'],
  ['true for an offset', file_bytes(one('[1]', '[false,4]'), 4), 'not an integer'],
  ['a minus alone', file_bytes(one('[-]'), 4), 'not an integer'],
  ['two numbers without a comma', file_bytes(one('[1 1]'), 4), 'expected'],
  ['an integer that goes on as a word', file_bytes(one('[1n]'), 4), 'not an integer'],
  ['a negative offset', file_bytes(one('[1]', '[-4,0]'), 4), 'not an integer'],
  ['no offsets in the list', file_bytes(one('[1]', '[]'), 4), 'two integers'],
  ['null for the shape', file_bytes(one('null'), 4), '"[" is expected'],
  ['an object for the shape', file_bytes(one('{"0":1}'), 4), '"[" is expected'],
  ['a number for the shape', file_bytes(one('1'), 4), '"[" is expected'],
  ['an object for the offsets', file_bytes(one('[1]', '{"begin":0,"end":4}'), 4), '"[" is expected'],
  ['null for a dtype', file_bytes(one('[1]', '[0,4]', 'null'), 4), 'string is expected'],
  ['an empty dtype', file_bytes(one('[1]', '[0,4]', '""'), 4), 'unknown dtype ""'],
  ['a dtype with a space', file_bytes(one('[1]', '[0,4]', '"F32 "'), 4), 'unknown dtype'],
  ['a dtype of 4 bits', file_bytes(one('[2]', '[0,1]', '"F4"'), 1), 'unknown dtype "F4"'],
  ['a dtype of 6 bits', file_bytes(one('[4]', '[0,3]', '"F6_E2M3"'), 3), 'unknown dtype'],
  ['__proto__ for a dtype', file_bytes(one('[1]', '[0,4]', '"__proto__"'), 4), 'unknown dtype'],
  [
    'a hole of one byte',
    file_bytes(`{"a":${entry('[1]', '[0,1]', '"U8"')},"b":${entry('[1]', '[2,3]', '"U8"')}}`, 3),
    'begins',
  ],
  [
    'a tensor inside another',
    file_bytes(`{"a":${entry('[8]', '[0,8]', '"U8"')},"b":${entry()}}`, 8),
    'begins at byte',
  ],
  [
    'an empty tensor behind the end',
    file_bytes(`{"a":${entry()},"b":${entry('[0]', '[5,5]')}}`, 4),
    'begins at byte',
  ],
  [
    'an empty tensor before the data',
    file_bytes(`{"a":${entry('[1]', '[4,8]')},"b":${entry('[0]', '[0,0]')}}`, 8),
    'begins',
  ],
  ['data for a scalar of no bytes', file_bytes(one('[]', '[0,0]')), 'takes 4 bytes'],
  ['16 bytes of padding behind the data', file_bytes(one(), 20), 'the tensors end'],
  ['another file behind the data', file_bytes(one(), 4 + 300), 'the tensors end'],
  // The length.
  ['a length of 2^63, negative as i64', file_bytes('{}', 0, 2n ** 63n), 'limit'],
  ['a length of 2^53 + 1', file_bytes('{}', 0, 2n ** 53n + 1n), 'limit'],
  ['a length in big-endian', file_bytes('{}', 0, 2n << 56n), 'limit'],
  ['a length of 100,000,000, which the format allows', file_bytes('{}', 0, 100_000_000n), 'limit'],
  ['a length of 16 MB in a small file', file_bytes('{}', 0, 2n ** 24n), 'does not fit'],
  ['a length that ends inside the header', file_bytes(one(), 4, 20n), 'expected'],
  ['a length that takes data for header', file_bytes('{}', 4, 6n), 'only spaces'],
  // JSON.
  ['a header of spaces', file_bytes('        '), 'does not begin with'],
  ['a header that is null', file_bytes('null'), 'does not begin with'],
  ['a header in UTF-16', file_bytes(Uint8Array.from([0x7b, 0, 0x7d, 0])), 'string is expected'],
  ['a byte-order mark inside', file_bytes('{\ufeff"w":1}'), 'string is expected'],
  ['a no-break space', file_bytes(one().replace(':', ':\u00a0'), 4), 'expected'],
  ['a form feed', file_bytes(one().replace(':', ':\f'), 4), 'expected'],
  ['a tab behind the header', file_bytes('{}\t'), 'only spaces'],
  ['a comma before the first member', file_bytes(`{,"w":${entry()}}`, 4), 'string is expected'],
  ['two commas', file_bytes(`{"a":${entry()},,"b":${entry('[1]', '[4,8]')}}`, 8), 'string is expected'],
  ['two colons', file_bytes(one().replace(':', '::'), 4), 'expected'],
  ['a number for a name', file_bytes(`{1:${entry()}}`, 4), 'string is expected'],
  ['a name without quotes', file_bytes(`{w:${entry()}}`, 4), 'string is expected'],
  ['one bracket too few', file_bytes(one().slice(0, -1), 4), '"}" is expected'],
  ['one bracket too many', file_bytes(`${one()}}`, 4), 'only spaces'],
  ['the wrong bracket', file_bytes(one().replace('[1]', '[1}'), 4), 'expected'],
  ['true for a tensor', file_bytes('{"w":true}'), '"{" is expected'],
  ['a text for a tensor', file_bytes('{"format":"pt"}'), '"{" is expected'],
  ['an entry without members', file_bytes('{"w":{}}'), 'dtype is absent'],
  [
    'an entry with a fourth member',
    file_bytes(one().replace('"shape"', '"strides":[1],"shape"'), 4),
    'only: "strides"',
  ],
  [
    'an entry with __proto__',
    file_bytes(one().replace('"shape"', '"__proto__":{},"shape"'), 4),
    'only: "__proto__"',
  ],
  ['an entry field in capitals', file_bytes(one().replace('"shape"', '"Shape"'), 4), 'only: "Shape"'],
  ['the shape twice', file_bytes(one().replace('"shape"', '"shape":[9],"shape"'), 4), 'twice'],
  [
    'the offsets twice, once escaped',
    file_bytes(one().replace('"shape"', '"data\\u005foffsets":[0,0],"shape"'), 4),
    'twice',
  ],
  [
    'constructor twice',
    file_bytes(`{"constructor":${entry()},"constructor":${entry('[1]', '[4,8]')}}`, 8),
    'twice',
  ],
  ['the empty name twice', file_bytes(`{"":${entry()},"":${entry('[1]', '[4,8]')}}`, 8), 'twice'],
  [
    'a name twice, far apart',
    file_bytes(`${many(500).slice(0, -1)},"t0":${entry('[0]', '[0,0]')}}`),
    'twice',
  ],
  ['metadata twice, once escaped', file_bytes('{"__metadata__":{},"\\u005f_metadata__":{}}'), 'twice'],
  ['a metadata key twice, once escaped', file_bytes('{"__metadata__":{"a":"b","\\u0061":"c"}}'), 'twice'],
  [
    '__proto__ twice in the metadata',
    file_bytes('{"__metadata__":{"__proto__":"","__proto__":""}}'),
    'twice',
  ],
  ['null in the metadata', file_bytes('{"__metadata__":{"a":null}}'), 'string is expected'],
  ['an object in the metadata', file_bytes('{"__metadata__":{"a":{}}}'), 'string is expected'],
  ['a list for metadata', file_bytes('{"__metadata__":["a","b"]}'), '"{" is expected'],
  ['a text for metadata', file_bytes('{"__metadata__":"pt"}'), '"{" is expected'],
  ['a tensor for metadata', file_bytes(`{"__metadata__":${entry()}}`, 4), 'string is expected'],
  // Strings.
  ['a zero byte in a name', file_bytes(one().replace('w', '\0'), 4), 'control character'],
  ['a tab in a metadata text', file_bytes('{"__metadata__":{"a":"\t"}}'), 'control character'],
  ['a lone surrogate in a metadata text', file_bytes('{"__metadata__":{"a":"\\uDBFF"}}'), 'lone surrogate'],
  ['surrogates in the wrong order', file_bytes(one().replace('w', '\\udc00\\ud800'), 4), 'lone surrogate'],
  ['a backslash before the end', file_bytes('{"w\\'), 'ends inside a string'],
  ['an escaped quote at the end', file_bytes('{"w\\"'), 'ends inside a string'],
  ['an escape of a letter', file_bytes(one().replace('w', '\\a'), 4), 'unknown escape'],
  ['a unicode escape in braces', file_bytes(one().replace('w', '\\u{77}'), 4), 'unknown escape'],
  ['a character above U+10FFFF', file_bytes(raw_name(0xf4, 0x90, 0x80, 0x80)), 'UTF-8'],
  ['a sequence of five bytes', file_bytes(raw_name(0xf8, 0x88, 0x80, 0x80, 0x80)), 'UTF-8'],
  ['a sequence cut short', file_bytes(raw_name(0xe2, 0x82)), 'UTF-8'],
  ['a continuation byte alone', file_bytes(raw_name(0x80)), 'UTF-8'],
  ['a zero in two bytes', file_bytes(raw_name(0xc0, 0x80)), 'UTF-8'],
  ['Latin-1', file_bytes(raw_name(0xe9)), 'UTF-8'],
  // Size: 16 MB of each, which must cost no more than reading them.
  ['a name of 16 MB', () => file_bytes(one().replace('w', 'w'.repeat(LARGE)), 4), 'longer than'],
  [
    'a name of 16 MB of escapes',
    () => file_bytes(one().replace('w', '\\u0041'.repeat(LARGE / 6)), 4),
    'longer than',
  ],
  [
    'a name of 8 MB of Chinese',
    () => file_bytes(one().replace('w', '猫'.repeat(LARGE / 6)), 4),
    'longer than',
  ],
  ['a name that never ends', () => file_bytes(`{"${'w'.repeat(LARGE)}`), 'longer than'],
  ['a number of 16 MB', () => file_bytes(one(`[${'9'.repeat(LARGE)}]`), 4), 'not an integer'],
  ['zeros of 16 MB', () => file_bytes(one(`[${'0'.repeat(LARGE)}]`), 4), 'not an integer'],
  ['16 MB of open brackets', () => file_bytes(one('['.repeat(LARGE)), 4), 'not an integer'],
  ['16 MB of open braces', () => file_bytes('{"a":'.repeat(LARGE / 5)), 'only: "a"'],
  [
    '16 MB of white space, then nothing',
    () => file_bytes(`{${' \n'.repeat(LARGE / 2)}`),
    'string is expected',
  ],
  ['16 MB of spaces, then a mark', () => file_bytes(`{}${' '.repeat(LARGE)}x`), 'only spaces'],
  ['100,000 tensors', () => file_bytes(many(100_000)), 'more than 10000 tensors'],
  [
    '100,000 tensors of one name',
    () => file_bytes(`{${`"t":${entry('[0]', '[0,0]')},`.repeat(100_000)}}`),
    'twice',
  ],
  [
    '1,000,000 metadata keys',
    () => file_bytes(`{"__metadata__":{${keys(1_000_000)}}}`),
    'more than 1000 entries',
  ],
  [
    '1,000,000 dimensions',
    () => file_bytes(one(`[${'1,'.repeat(1_000_000)}1]`), 4),
    'more than 8 dimensions',
  ],
  ['1,000,000 offsets', () => file_bytes(one('[1]', `[${'0,'.repeat(1_000_000)}4]`), 4), 'more than 2'],
  ['1,000,000 members of an entry', () => file_bytes(`{"w":{${keys(1_000_000)}}}`), 'only: "k0"'],
  [
    '10,000 tensors, the last in the first',
    () => file_bytes(`${many(9_999).slice(0, -1)},"w":${entry('[2]')}}`),
    'takes 8',
  ],
];

/** Opens the file as a model does; hears of every byte that is asked for. */
async function open(bytes: Uint8Array, heard: (start: number, end: number) => void): Promise<void> {
  const source = bytes_source(NAME, bytes);
  await SafetensorsFile.open({
    ...source,
    read(start, end) {
      heard(start, end);
      return source.read(start, end);
    },
  });
}

/** Buffers that any file takes. */
const CONSTANT = 2 ** 12;

describe('refuses', () => {
  test('as many as were promised, each by its own name', () => {
    expect(MALFORMED.length).toBeGreaterThanOrEqual(80);
    expect(new Set(MALFORMED.map(([name]) => name)).size).toBe(MALFORMED.length);
  });

  test.each(MALFORMED)('%s', async (_, file, problem) => {
    const bytes = typeof file === 'function' ? file() : file;
    const before = bytes.length < 1e6 ? bytes.slice() : null;
    let asked = 0;
    let error: unknown;
    const reader = {
      make: () => ({ [NAME]: bytes }),
      async read() {
        asked = 0;
        error = await open(bytes, (start, end) => (asked += end - start)).catch((e: unknown) => e);
        if (error) throw error as Error;
      },
    };
    const limits: Target = {
      ...{ name: 'malformed', files: 1, codes: ['corrupt_checkpoint'], most_ms: 50, constant: CONSTANT },
      start: () => Promise.resolve(reader),
    };
    expect(await judge(limits, reader, { [NAME]: bytes })).toMatchObject({
      finding: null,
      outcome: 'corrupt_checkpoint',
    });
    const { message, detail } = error as AlignError;
    expect(message).toMatch(/^model\.safetensors: /);
    expect(message).toContain(problem);
    expect(message.length).toBeLessThan(600);
    expect(detail.file).toBe(NAME);
    expect(asked).toBeLessThanOrEqual(bytes.length);
    if (before !== null) expect(Buffer.compare(bytes, before)).toBe(0);
  });
});
