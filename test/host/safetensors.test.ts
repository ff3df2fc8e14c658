// The safetensors reader: what the format allows is read (what it does not: safetensors_malformed.test.ts). The writer: what
// it makes is read back.

import { describe, expect, test } from 'vitest';
import { AlignError } from '../../src/host/errors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { dtype_bytes, SafetensorsFile, type Dtype } from '../../src/host/checkpoint/safetensors.ts';
import { safetensors_chunks, type StoredTensor } from '../../src/host/checkpoint/writer.ts';
import { entry, file_bytes, one } from '../support/safetensors_files.ts';

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

describe('refuses', () => {
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
