// The safetensors reader: what the format allows is read, and each way to break it, by accident or on purpose, is
// refused by name. The writer: what it makes is read back.

import { describe, expect, test } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { dtype_bytes, SafetensorsFile, type Dtype } from '../../src/host/checkpoint/safetensors.ts';
import { safetensors_chunks, type StoredTensor } from '../../src/host/checkpoint/writer.ts';

const utf8 = new TextEncoder();

/** A file with this header (text, or bytes where it is not UTF-8), `data` bytes behind it, and maybe a lying length. */
function file_bytes(header: string | Uint8Array, data = 0, length?: bigint): Uint8Array {
  const json = typeof header === 'string' ? utf8.encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + data).map((_, i) => i);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function open(bytes: Uint8Array): Promise<SafetensorsFile> {
  return SafetensorsFile.open(bytes_source('model.safetensors', bytes));
}

async function error_of(bytes: Uint8Array): Promise<AlignError> {
  const error: unknown = await open(bytes).then(
    () => null,
    (e: unknown) => e,
  );
  if (error instanceof AlignError) return error;
  throw new Error(`not an AlignError: ${String(error)}`);
}

/** One tensor's entry, as text, so that it can be wrong in any way. */
function entry(shape = '[1]', offsets = '[0,4]', dtype = '"F32"'): string {
  return `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
}

const one = (shape?: string, offsets?: string, dtype?: string): string =>
  `{"w":${entry(shape, offsets, dtype)}}`;

describe('reads', () => {
  test('tensors, their places and the metadata', async () => {
    const header = `{"__metadata__":{"format":"pt"},"b":${entry('[2,2]', '[4,12]', '"F16"')},"a":${entry()}}  `;
    const file = await open(file_bytes(header, 12));
    expect([...file.metadata]).toEqual([['format', 'pt']]);
    const start = 8 + header.length;
    expect([...file.tensors.values()]).toEqual([
      { name: 'b', dtype: 'F16', shape: [2, 2], start: start + 4, end: start + 12 },
      { name: 'a', dtype: 'F32', shape: [1], start, end: start + 4 },
    ]);
    expect([...(await file.read('a'))]).toEqual([0, 1, 2, 3].map((i) => (start + i) % 256));
    await expect(file.read('c')).rejects.toMatchObject({ code: 'missing_tensor', detail: { tensor: 'c' } });
  });

  test('every dtype, scalars, empty tensors and rank 8', async () => {
    const sizes: Record<Dtype, number> = {
      ...{ BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, F8_E8M0: 1, F8_E4M3FNUZ: 1, F8_E5M2FNUZ: 1 },
      ...{ I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, C64: 8, F64: 8, I64: 8, U64: 8 },
    };
    for (const [dtype, size] of Object.entries(sizes)) {
      expect(dtype_bytes(dtype as Dtype)).toBe(size);
      const file = await open(file_bytes(one('[]', `[0,${size}]`, `"${dtype}"`), size));
      expect(file.tensors.get('w')!.shape).toEqual([]);
    }
    const shapes = `{"e":${entry('[0,3]', '[0,0]')},"w":${entry('[1,1,1,1,1,1,1,1]')},"f":${entry('[0]', '[4,4]')}}`;
    expect((await open(file_bytes(shapes, 4))).tensors.size).toBe(3);
    expect((await open(file_bytes('{}'))).tensors.size).toBe(0);
  });

  test('names that mean something to JavaScript, escapes and white space', async () => {
    const names = ['__proto__', 'constructor', 'toString', '', '😀"\\\n'];
    const escaped = ['__proto__', 'constructor', 'toString', '', '\\ud83d\\ude00\\"\\\\\\n'];
    const header = `{ ${escaped.map((n, i) => `"${n}" :\t${entry('[ 1 ]', `[${4 * i}, ${4 * i + 4}]`)}`).join(' ,\r\n')} }`;
    const file = await open(file_bytes(header, 20));
    expect([...file.tensors.keys()]).toEqual(names);
    expect(file.tensors.get('hasOwnProperty')).toBeUndefined();
  });

  test('10,000 tensors', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `"t${i}":${entry('[0]', '[0,0]')}`);
    expect((await open(file_bytes(`{${names.join(',')}}`))).tensors.size).toBe(10_000);
  });
});

const MALFORMED: [string, Uint8Array, string][] = [
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
  ['invalid UTF-8 between tokens', file_bytes(new Uint8Array([0x7b, 0xff, 0x7d])), 'string is expected'],
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
  ['10,001 metadata keys', file_bytes(`{"__metadata__":{${keys(10_001)}}}`), 'more than 10000 entries'],
  ['100,000 open brackets', file_bytes(one('['.repeat(100_000)), 4), 'not an integer'],
  ['a pickle', Uint8Array.from([0x80, 0x02, ...utf8.encode('ctorch._utils\n_rebuild')]), 'limit'],
  ['a zip archive', Uint8Array.from([...utf8.encode('PK\u0003\u0004'), ...new Uint8Array(40)]), 'limit'],
  ['a Git LFS pointer', utf8.encode('version https://git-lfs.github.com/spec/v1\n'), 'git lfs pull'],
];

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

describe('refuses', () => {
  test.each(MALFORMED)('%s', async (_, bytes, problem) => {
    const before = bytes.slice();
    const error = await error_of(bytes);
    expect(error.code).toBe('corrupt_checkpoint');
    expect(error.message).toMatch(/^model\.safetensors: /);
    expect(error.message).toContain(problem);
    expect(error.detail.file).toBe('model.safetensors');
    expect(Buffer.compare(bytes, before)).toBe(0);
  });

  test('with tensor, value and place', async () => {
    const header = `{"a":${entry()},"text.weight":${entry('[1,2.5]')}}`;
    const position = header.indexOf('2.5');
    const error = await error_of(file_bytes(header, 8));
    expect(error.message).toBe(
      `model.safetensors: tensor "text.weight": not an integer from 0 to 2^53 - 1: "2.5" (byte ${position} of the header)`,
    );
    expect(error.detail).toMatchObject({ tensor: 'text.weight', value: '2.5', position });
  });

  test('every truncation of a good file, and every byte behind it', async () => {
    const header = `{"__metadata__":{"k":"é"},"a":${entry('[3]', '[0,12]')},"b":${entry('[]', '[12,16]')}}`;
    const bytes = file_bytes(header, 16);
    await open(bytes);
    for (let end = 0; end < bytes.length; end++)
      expect((await error_of(bytes.subarray(0, end))).code).toBe('corrupt_checkpoint');
    expect((await error_of(new Uint8Array([...bytes, 0]))).code).toBe('corrupt_checkpoint');
  });

  test('or reads, and nothing else, when any one byte of the header changes', async () => {
    const header = `{"a":${entry('[3]', '[0,12]')}, "\\u00e9":${entry('[]', '[12,16]')}}`;
    for (let at = 0; at < 8 + header.length; at++)
      for (const flip of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const bytes = file_bytes(header, 16);
        bytes[at]! ^= flip;
        const outcome: unknown = await open(bytes).catch((e: unknown) => e);
        if (outcome instanceof AlignError) expect(outcome.code).toBe('corrupt_checkpoint');
        else expect(outcome).toBeInstanceOf(SafetensorsFile);
      }
  });
});

async function written(tensors: StoredTensor[], metadata?: Record<string, string>): Promise<Uint8Array> {
  const chunks: number[] = [];
  for await (const chunk of safetensors_chunks(tensors, metadata)) chunks.push(...chunk);
  return Uint8Array.from(chunks);
}

function stored(name: string, dtype: Dtype, shape: number[], ...chunks: number[][]): StoredTensor {
  return { name, dtype, shape, bytes: () => chunks.map((c) => Uint8Array.from(c)) };
}

describe('writer', () => {
  test('the bytes that the reference writer makes', async () => {
    const bytes = await written([
      stored('c', 'F16', [2], [1, 2], [3, 4]),
      stored('b', 'F32', [], [5, 6, 7, 8]),
      stored('a', 'F16', [1, 0]),
      stored('n', 'I64', [1], [9, 0, 0, 0, 0, 0, 0, 0]),
    ]);
    const header =
      '{"__metadata__":{"format":"pt"},"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},' +
      '"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"a":{"dtype":"F16","shape":[1,0],"data_offsets":[12,12]},' +
      '"c":{"dtype":"F16","shape":[2],"data_offsets":[12,16]}}';
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + length))).toBe(header.padEnd(length));
    expect([...bytes.subarray(8 + length)]).toEqual([9, 0, 0, 0, 0, 0, 0, 0, 5, 6, 7, 8, 1, 2, 3, 4]);
  });

  test('is read back, with its metadata and any name', async () => {
    const file = await open(
      await written([stored('__proto__ "é\n😀', 'U8', [3], [1], [2, 3])], { note: 'ö"' }),
    );
    expect([...file.metadata]).toEqual([
      ['format', 'pt'],
      ['note', 'ö"'],
    ]);
    expect([...(await file.read('__proto__ "é\n😀'))]).toEqual([1, 2, 3]);
    expect((await open(await written([]))).tensors.size).toBe(0);
  });

  test.each([
    ['two equal names', [stored('a', 'U8', [0]), stored('a', 'U8', [0])]],
    ['the name __metadata__', [stored('__metadata__', 'U8', [0])]],
    ['a lone surrogate', [stored('\ud800', 'U8', [0])]],
    ['an unknown dtype', [stored('a', 'F7' as Dtype, [0])]],
    ['a fractional dimension', [stored('a', 'U8', [1.5])]],
    ['a negative dimension', [stored('a', 'U8', [-1])]],
    ['a size above 2^53', [stored('a', 'U8', [2 ** 30, 2 ** 30])]],
  ])('refuses %s', async (_, tensors) => {
    await expect(written(tensors)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test.each([
    ['fewer', [[1, 2]]],
    [
      'more',
      [
        [1, 2, 3],
        [4, 5],
      ],
    ],
  ])('refuses %s bytes than the shape takes', async (_, chunks) => {
    await expect(written([stored('a', 'F32', [1], ...chunks)])).rejects.toMatchObject({
      code: 'shape_mismatch',
      detail: { tensor: 'a', size: 4 },
    });
  });
});
