// The file of an index: canonical, read back whole, and refused when anything in it is not as it was written.

import { spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { ByteSource } from '../../src/host/checkpoint/source.ts';
import type { AlignErrorCode } from '../../src/host/errors.ts';
import { AlignIndex, type IndexDtype, type IndexId } from '../../src/host/search/align_index.ts';
import { Random } from '../kernels/support/random.ts';
import { refused } from '../support/bad_calls.ts';

const folder = mkdtempSync(join(tmpdir(), 'align-index-'));
afterAll(() => rmSync(folder, { recursive: true }));

const DTYPES: readonly IndexDtype[] = ['fp32', 'int8', 'binary'];

async function make(dtype: IndexDtype, dimensions = 5, size = 4): Promise<AlignIndex> {
  const index = await AlignIndex.create({ dtype, dimensions, model: 'möbius' });
  const random = new Random(9);
  for (let i = 0; i < size; i++)
    index.add(i % 2 ? `${i} ä\n"` : -i, random.floats(dimensions), i % 3 ? { i, text: '\u{1f600}' } : null);
  return index;
}

/** A file in parts, to be changed and put together again. */
interface Parts {
  metadata: Record<string, string>;
  tensors: { name: string; dtype: string; shape: number[]; bytes: Uint8Array }[];
}

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: number[];
}
type Header = Record<string, HeaderEntry | Record<string, string>>;

function apart(bytes: Uint8Array): Parts {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Header;
  const tensors = Object.entries(header).flatMap(([name, entry]) => {
    if (name === '__metadata__') return [];
    const { dtype, shape, data_offsets } = entry as HeaderEntry;
    const [begin, end] = data_offsets.map((offset) => 8 + length + offset);
    return [{ name, dtype, shape, bytes: bytes.slice(begin, end) }];
  });
  return { metadata: header.__metadata__ as Record<string, string>, tensors };
}

/** A safetensors file of the parts, with the checksum that belongs to them. */
function together({ metadata, tensors }: Parts, sum = true): Uint8Array {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const { name, dtype, shape, bytes } of tensors)
    header[name] = { dtype, shape, data_offsets: [end, (end += bytes.length)] };
  const data = Buffer.concat(tensors.map(({ bytes }) => bytes));
  if (sum)
    metadata.crc32 = crc32(data, crc32(metadata.model ?? ''))
      .toString(16)
      .padStart(8, '0');
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return new Uint8Array(Buffer.concat([length, json, data]));
}

describe.each(DTYPES)('%s', (dtype) => {
  test.each([
    [1, 0],
    [1, 1],
    [5, 4],
    [16, 1025],
    [640, 2100],
  ])('%i dimensions, %i entries: comes back from bytes, a file, a Blob, a URL', async (dimensions, size) => {
    const index = await make(dtype, dimensions, size);
    const bytes = index.to_bytes();
    const path = join(folder, 'new', `${dtype}-${dimensions}-${size}.safetensors`);
    await index.save(path);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(readdirSync(join(folder, 'new')).filter((name) => name.includes('partial'))).toEqual([]);
    const queries = Array.from({ length: 3 }, (_, i) => new Random(i).floats(dimensions));
    for (const back of [
      await AlignIndex.from_bytes(bytes),
      await AlignIndex.from_bytes(bytes.slice().buffer),
      await AlignIndex.load(path),
      await AlignIndex.load(pathToFileURL(path)),
      await AlignIndex.load(pathToFileURL(path).href),
      await AlignIndex.load(new Blob([bytes as Uint8Array<ArrayBuffer>])),
    ]) {
      expect([back.size, back.dimensions, back.dtype, back.model]).toEqual([
        size,
        dimensions,
        dtype,
        'möbius',
      ]);
      expect(Buffer.compare(back.to_bytes(), bytes)).toBe(0); // toEqual takes minutes
      expect(back.search(queries, 7)).toEqual(index.search(queries, 7));
      if (size > 0) expect(back.remove(0)).toBe(true);
      back.add('one more', queries[0]!);
      expect(back.search(queries[0]!, 1)[0]!.id).toBe('one more');
    }
  });

  test('is a safetensors file with the tensors and the checksum that are documented', async () => {
    const index = await make(dtype);
    const { metadata, tensors } = apart(index.to_bytes());
    expect(metadata).toMatchObject({
      ...{ format: 'align-wasm index', version: '2', dtype, dimensions: '5', model: 'möbius' },
    });
    expect(tensors.map(({ name, dtype, shape }) => [name, dtype, shape.slice(0, 2)])).toEqual([
      ...(dtype === 'fp32' ? [] : [['scales', 'F32', [4]]]),
      ['embeddings', dtype === 'fp32' ? 'F32' : 'I8', [4, 5]],
      ...(dtype === 'fp32' ? [] : [['residuals', 'U8', [4, 1]]]),
      ...(dtype === 'binary' ? [['bits', 'U8', [4, 1]]] : []),
      ['entries', 'U8', [expect.any(Number)]],
    ]);
    const entries = new TextDecoder().decode(tensors.at(-1)!.bytes).trimEnd().split('\n');
    expect(entries.map((line) => JSON.parse(line) as unknown)).toEqual([
      [-2, { i: 2, text: '\u{1f600}' }],
      [0, null],
      ['1 ä\n"', { i: 1, text: '\u{1f600}' }],
      ['3 ä\n"', null],
    ]);
    const numbers = (name: string): Uint8Array => tensors.find((one) => one.name === name)!.bytes;
    entries.forEach((line, row) => {
      const { embedding } = index.get((JSON.parse(line) as [IndexId])[0])!;
      const wanted = Array.from(embedding.keys(), (i) => {
        if (dtype === 'fp32') return new Float32Array(numbers('embeddings').buffer)[5 * row + i]!;
        const high = new Int8Array(numbers('embeddings').buffer)[5 * row + i]!;
        const residual = (numbers('residuals')[row]! >> i) & 1;
        return new Float32Array(numbers('scales').buffer)[row]! * (2 * high + residual);
      });
      expect(embedding).toEqual(Float32Array.from(wanted));
      if (dtype === 'binary')
        embedding.forEach((value, i) => expect((numbers('bits')[row]! >> i) & 1).toBe(Number(value < 0)));
    });
    expect(together({ metadata, tensors }, false).length).toBeGreaterThan(0);
    expect(apart(together(apart(index.to_bytes()))).metadata.crc32).toBe(metadata.crc32);
    await expect(AlignIndex.from_bytes(together({ metadata, tensors }))).resolves.toBeInstanceOf(AlignIndex);
  });

  test('refuses every truncation and every change of a byte', async () => {
    const bytes = (await make(dtype)).to_bytes();
    for (let length = 0; length < bytes.length; length++)
      await refused('corrupt_index', [], () => AlignIndex.from_bytes(bytes.subarray(0, length)));
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice();
      changed[i]! ^= 1 << (i % 8);
      await refused('corrupt_index', [], () => AlignIndex.from_bytes(changed));
    }
  });
});

describe('a file whose checksum is right but whose contents are not', () => {
  const tensor = ({ tensors }: Parts, name: string): Parts['tensors'][0] =>
    tensors.find((one) => one.name === name)!;
  const text = (parts: Parts, edit: (text: string) => string): void => {
    const entries = tensor(parts, 'entries');
    entries.bytes = new TextEncoder().encode(edit(new TextDecoder().decode(entries.bytes)));
    entries.shape = [entries.bytes.length];
  };
  const f32 = (parts: Parts, name: string, at: number, value: number): void => {
    const { bytes } = tensor(parts, name);
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(4 * at, value, true);
  };

  test.each<[string, IndexDtype, string, (parts: Parts) => void]>([
    ['another format', 'int8', '"pt"', ({ metadata }) => (metadata.format = 'pt')],
    [
      'version 1, which had no residuals',
      'int8',
      'version "1", not "2"',
      (parts) => {
        parts.metadata.version = '1';
        parts.tensors.splice(2, 1);
      },
    ],
    ['a later version', 'int8', '"3"', ({ metadata }) => (metadata.version = '3')],
    ['no version', 'int8', 'undefined', ({ metadata }) => delete metadata.version],
    ['an unknown dtype', 'int8', '"int4"', ({ metadata }) => (metadata.dtype = 'int4')],
    ['another dtype', 'int8', 'bits', ({ metadata }) => (metadata.dtype = 'binary')],
    ['dimensions of 0', 'fp32', '"0"', ({ metadata }) => (metadata.dimensions = '0')],
    ['dimensions of 5e0', 'fp32', '"5e0"', ({ metadata }) => (metadata.dimensions = '5e0')],
    ['other dimensions', 'fp32', '[4, 5]', ({ metadata }) => (metadata.dimensions = '6')],
    ['huge dimensions', 'fp32', '"4294967296"', ({ metadata }) => (metadata.dimensions = '4294967296')],
    ['unknown metadata', 'fp32', '"note"', ({ metadata }) => (metadata.note = 'x')],
    ['no embeddings', 'int8', '"embeddings"', (p) => p.tensors.splice(1, 1)],
    ['no scales', 'int8', '"scales"', (p) => p.tensors.splice(0, 1)],
    ['no residuals', 'int8', '"residuals"', (p) => p.tensors.splice(2, 1)],
    ['no entries', 'fp32', '"entries"', (p) => p.tensors.pop()],
    ['one tensor more', 'fp32', '"more"', (p) => p.tensors.push({ ...tensor(p, 'entries'), name: 'more' })],
    ['tensors in another order', 'int8', 'not where', (p) => p.tensors.reverse()],
    ['bytes that are unsigned', 'int8', 'U8', (p) => (tensor(p, 'embeddings').dtype = 'U8')],
    ['embeddings in one row', 'fp32', '[20]', (p) => (tensor(p, 'embeddings').shape = [20])],
    ['not a number', 'fp32', 'row 2', (p) => f32(p, 'embeddings', 10, NaN)],
    ['an infinity', 'fp32', 'row 3', (p) => f32(p, 'embeddings', 15, Infinity)],
    ['a row that is too long', 'fp32', 'row 0 (id -2)', (p) => f32(p, 'embeddings', 0, 7)],
    ['a row of zeros', 'fp32', 'length 0', (p) => tensor(p, 'embeddings').bytes.fill(0)],
    ['a row of zeros', 'int8', 'row 0', (p) => tensor(p, 'embeddings').bytes.fill(0)],
    ['numbers that are too small', 'int8', '255', (p) => tensor(p, 'embeddings').bytes.fill(1)],
    ['a number that is too large', 'int8', '255', (p) => (tensor(p, 'embeddings').bytes[6] = 128)],
    ['other residuals', 'int8', 'row 2', (p) => (tensor(p, 'residuals').bytes[2]! ^= 1)],
    ['residuals behind the last', 'binary', 'row 1', (p) => (tensor(p, 'residuals').bytes[1]! |= 0x20)],
    ['an infinite scale', 'int8', 'Infinity', (p) => f32(p, 'scales', 1, Infinity)],
    ['a scale of another row', 'int8', 'row 1', (p) => f32(p, 'scales', 1, 0.01)],
    ['a scale that is no number', 'binary', 'NaN', (p) => f32(p, 'scales', 3, NaN)],
    ['bits of another row', 'binary', 'signs', (p) => (tensor(p, 'bits').bytes[2]! ^= 1)],
    ['bits behind the last', 'binary', 'signs', (p) => (tensor(p, 'bits').bytes[0]! |= 0x80)],
    ['entries that are not JSON', 'fp32', 'line 2', (p) => text(p, (t) => t.replace('[0,null]', '[0,nul]'))],
    ['entries that are not UTF-8', 'fp32', 'UTF-8', (p) => (tensor(p, 'entries').bytes[20] = 0xff)],
    ['an entry that is no list', 'fp32', 'line 2', (p) => text(p, (t) => t.replace('[0,null]', '{"0":1}'))],
    ['an entry of three', 'fp32', 'line 2', (p) => text(p, (t) => t.replace('[0,null]', '[0,1,2]'))],
    [
      'an id that is an object',
      'fp32',
      'line 2',
      (p) => text(p, (t) => t.replace('[0,', '[{"__proto__":1},')),
    ],
    ['an id that is no integer', 'fp32', '0.5', (p) => text(p, (t) => t.replace('[0,', '[0.5,'))],
    ['an id twice', 'fp32', 'come after', (p) => text(p, (t) => t.replace('[0,', '[-2,'))],
    ['ids out of order', 'fp32', 'come after', (p) => text(p, (t) => t.replace('[0,', '[-3,'))],
    [
      'an entry too few',
      'fp32',
      '4 rows',
      (p) => text(p, (t) => t.slice(0, t.lastIndexOf('\n', t.length - 2) + 1)),
    ],
    ['an entry too many', 'fp32', '4 rows', (p) => text(p, (t) => `${t}["z",null]\n`)],
    ['a last line without its end', 'fp32', 'no end', (p) => text(p, (t) => t.trimEnd())],
    ['an empty line', 'fp32', 'line 1', (p) => text(p, (t) => `\n${t}`)],
    ['a deep entry', 'fp32', 'line 1', (p) => text(p, () => `${'['.repeat(1e6)}\n`)],
    ['a long line', 'fp32', 'characters', (p) => text(p, () => ' '.repeat(2 ** 26))],
  ])('%s (%s)', async (_, dtype, words, edit) => {
    const parts = apart((await make(dtype)).to_bytes());
    edit(parts);
    await refused('corrupt_index', [words], () => AlignIndex.from_bytes(together(parts)));
  });

  test('a wrong checksum, and none', async () => {
    const parts = apart((await make('fp32')).to_bytes());
    parts.metadata.crc32 = '00000000';
    await refused('corrupt_index', ['CRC-32', '00000000'], () =>
      AlignIndex.from_bytes(together(parts, false)),
    );
    delete parts.metadata.crc32;
    await refused('corrupt_index', ['crc32 undefined'], () => AlignIndex.from_bytes(together(parts, false)));
  });
});

test('a long line is searched for its end once', async () => {
  const index = await AlignIndex.create({ dimensions: 1 });
  index.add('a', Float32Array.of(1), 'ä'.repeat(2 ** 20));
  const bytes = index.to_bytes();
  const split = vi.spyOn(String.prototype, 'split');
  const back = await AlignIndex.from_bytes(bytes);
  const searched = split.mock.contexts.reduce<number>((sum, text) => sum + String(text).length, 0);
  split.mockRestore();
  expect(Buffer.compare(back.to_bytes(), bytes)).toBe(0);
  expect(searched).toBeLessThan(bytes.length);
});

test.each<[string, Uint8Array]>([
  ['nothing', new Uint8Array()],
  ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0)],
  ['a header longer than any file', new Uint8Array(16).fill(255)],
  ['JSON', new TextEncoder().encode('{"embeddings": []}')],
])('refuses %s', async (_, bytes) => {
  await refused('corrupt_index', ['the index'], () => AlignIndex.from_bytes(bytes));
  const path = join(folder, 'broken.safetensors');
  writeFileSync(path, bytes);
  await refused('corrupt_index', ['broken.safetensors'], () => AlignIndex.load(path));
});

test('a model is no index', async () => {
  const model = new URL('../../weights/checkpoint/model.safetensors', import.meta.url);
  await refused('corrupt_index', ['format'], () => AlignIndex.load(model));
});

test.each([
  [undefined, 'invalid_argument'],
  [null, 'invalid_argument'],
  [7, 'invalid_argument'],
  [{}, 'invalid_argument'],
  ['', 'invalid_argument'],
  ['no/such/file.safetensors', 'not_found'],
] as const)('load(%j) is refused', async (from, code) => {
  await refused(code, [], () => AlignIndex.load(from as never));
});

test('from_bytes takes bytes alone, and options that there are', async () => {
  await refused('invalid_argument', ['"x"'], () => AlignIndex.from_bytes('x' as never));
  const bytes = (await make('fp32')).to_bytes();
  await refused('invalid_argument', ['"module"'], () => AlignIndex.from_bytes(bytes, { module: 1 } as never));
});

test('save leaves the old file where the new one cannot be written, and lets nothing change meanwhile', async () => {
  const index = await make('fp32');
  const path = join(folder, 'kept.safetensors');
  await index.save(path);
  const before = readFileSync(path);
  const saving = index.save(path);
  await refused('invalid_argument', ['being saved'], () => index.add('x', new Float32Array(5).fill(1)));
  await refused('invalid_argument', ['being saved'], () => index.save(path));
  const query = new Float32Array(5).fill(1);
  const filter = (): boolean => index.search(query, 1, { filter: () => true }).length === 1;
  expect(index.search(query, 4, { filter })).toHaveLength(4);
  await refused('invalid_argument', ['being saved'], () => index.remove(0));
  await saving;
  expect(readFileSync(path)).toEqual(before);
  index.add('x', new Float32Array(5).fill(1));
  await expect(index.save(join(path, 'below a file'))).rejects.toThrow();
  expect(readFileSync(path)).toEqual(before);
  index.remove('x');
  for (const bad of [undefined, '', 7, new URL('https://example.com/x')])
    await refused('invalid_argument', ['save'], () => index.save(bad as never));
});

test('saves of several to one path at once leave the file of one of them', async () => {
  const path = join(folder, 'together.safetensors');
  const indexes = await Promise.all([1, 2, 3, 4].map(() => AlignIndex.create({ dimensions: 2 })));
  indexes.forEach((index, i) => {
    for (let k = 0; k < 300 * (i + 1); k++) index.add(k, Float32Array.of(1, k));
  });
  for (let round = 0; round < 5; round++) {
    await Promise.all(indexes.map((index) => index.save(path)));
    expect([300, 600, 900, 1200]).toContain((await AlignIndex.load(path)).size);
  }
  expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
});

test('save says why a file cannot be written, and can be called again', async () => {
  const index = await make('fp32');
  const file = join(folder, 'a file');
  writeFileSync(file, 'x');
  const long = join(folder, 'x'.repeat(300));
  // Below /proc nothing can be made: Node's own way to make folders never ends there.
  for (const path of [join(file, 'x'), join(file, 'x', 'y'), long, 'a\0b', '/proc/nope/x', '/proc/nope/x/y'])
    expect(await refused('invalid_argument', ['cannot be written'], () => index.save(path))).toHaveProperty(
      'cause.code',
    );
  await refused('invalid_argument', ['is a folder'], () => index.save(folder));
  await refused('invalid_argument', ['%FF'], () => index.save('file:///%FF'));
  expect(readFileSync(file, 'utf8')).toBe('x');
  await index.save(join(folder, 'then'));
});

test('save writes to the file behind a link, and over nothing but files', async () => {
  const index = await make('fp32');
  const at = (name: string): string => join(folder, 'links', name);
  for (const name of ['other', 'deep']) mkdirSync(at(name), { recursive: true });
  writeFileSync(at('other/there'), 'old');
  symlinkSync('../other', at('deep/folder'));
  symlinkSync('deep/folder/there', at('to there'));
  symlinkSync('../to new', at('other/twice'));
  symlinkSync('deep/folder/new', at('to new'));
  for (const [link, target] of [
    ['to there', 'other/there'],
    ['deep/folder/twice', 'other/new'],
  ] as const) {
    await index.save(at(link));
    expect(lstatSync(at(link)).isSymbolicLink(), link).toBe(true);
    expect(readFileSync(at(target)).equals(index.to_bytes()), target).toBe(true);
  }
  symlinkSync('loop', at('loop'));
  await refused('invalid_argument', ['too many links'], () => index.save(at('loop')));
  spawnSync('mkfifo', [at('pipe')]);
  symlinkSync('pipe', at('to pipe'));
  for (const pipe of ['pipe', 'to pipe'])
    await refused('invalid_argument', ['no regular file'], () => index.save(at(pipe)));
  expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
  expect(readdirSync(at('.')).filter((name) => name.includes('partial'))).toEqual([]);
});

test('load refuses what is no file, and a source that gives something else', async () => {
  await refused('not_found', ['is a folder'], () => AlignIndex.load(folder));
  const bytes = (await make('fp32')).to_bytes();
  const source = (read: ByteSource['read']): ByteSource => ({ name: 'x', size: bytes.length, read });
  const given: [AlignErrorCode, (start: number, end: number) => unknown][] = [
    ['invalid_argument', () => null],
    ['invalid_argument', (start, end) => 'x'.repeat(end - start)],
    ['corrupt_index', (start, end) => bytes.slice(start, end - 1)],
    ['corrupt_index', (start, end) => (start < 200 ? bytes.slice(start, end) : bytes.slice(0, end))],
  ];
  for (const [code, read] of given)
    await refused(code, [], () => AlignIndex.load(source(read as unknown as ByteSource['read'])));
});
