// Files: what is written is read, what is JSON is read as JSON.parse reads it, and a file cut off, extended or changed is
// refused as an AlignError or is a file still.

import fc from 'fast-check';
import { assert, expect } from 'vitest';
import { parse_header } from '../../src/host/checkpoint/header.ts';
import { parse_object } from '../../src/host/checkpoint/json.ts';
import { dtype_bytes, DTYPES, SafetensorsFile } from '../../src/host/checkpoint/safetensors.ts';
import { bytes_source } from '../../src/host/checkpoint/source.ts';
import { safetensors_chunks, type StoredTensor } from '../../src/host/checkpoint/writer.ts';
import { AlignError } from '../../src/host/errors.ts';
import { Random } from '../processor/random.ts';
import { pick, seed, unicode, whole } from './draws.ts';
import { property } from './property.ts';

interface Stored extends StoredTensor {
  readonly data: Uint8Array;
}

const name = unicode.filter((text) => text !== '__metadata__');

/** Tensors of any names, types and shapes, scalars and empty ones among them, given in pieces of any size. */
const tensors: fc.Arbitrary<Stored[]> = fc.uniqueArray(
  fc
    .record({
      name,
      dtype: pick(...DTYPES),
      shape: fc.array(whole(0, 4), { maxLength: 4 }),
      seed,
      piece: whole(1, 64),
    })
    .map(({ name, dtype, shape, seed, piece }) => {
      const size = shape.reduce((a, b) => a * b, dtype_bytes(dtype));
      const data = new Random(seed).bytes(size);
      const pieces = Array.from({ length: Math.ceil(size / piece) }, (_, i) =>
        data.subarray(i * piece, (i + 1) * piece),
      );
      return { name, dtype, shape, data, bytes: () => pieces };
    }),
  { selector: (tensor) => tensor.name, maxLength: 6 },
);
const metadata = fc.dictionary(unicode, unicode, { maxKeys: 4 });

async function written(
  list: readonly StoredTensor[],
  more: Record<string, string> = {},
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of safetensors_chunks(list, more)) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

const open = (bytes: Uint8Array): Promise<SafetensorsFile> =>
  SafetensorsFile.open(bytes_source('a file', bytes));

property(
  'A safetensors file gives back the tensors and the metadata that were written',
  [tensors, metadata],
  async (list, more) => {
    const bytes = await written(list, more);
    const file = await open(bytes);
    expect(Object.fromEntries(file.metadata)).toEqual({ format: 'pt', ...more });
    assert.strictEqual(file.tensors.size, list.length);
    for (const { name, dtype, shape, data } of list) {
      const info = file.tensors.get(name)!;
      assert.deepEqual([info.dtype, [...info.shape]], [dtype, [...shape]]);
      assert.deepEqual(new Uint8Array(await file.read(name)), data);
      assert.strictEqual((info.start - 8) % dtype_bytes(dtype), 0, 'a tensor is not aligned');
    }
  },
);

property(
  'The order in which tensors are given changes no byte',
  [
    tensors.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    ),
  ],
  async ([list, shuffled]) => {
    assert.deepEqual(await written(shuffled), await written(list));
  },
);

/** Fails unless `task` is an AlignError, which it gives. */
async function refused(task: () => unknown): Promise<AlignError> {
  const error: unknown = await Promise.resolve().then(task).then(() => null, (reason: unknown) => reason); // prettier-ignore
  assert(error instanceof AlignError, `not refused: ${String(error)}`);
  return error;
}

property(
  'A file cut off anywhere, or longer than it says, is refused',
  [tensors, fc.nat(), whole(1, 9)],
  async (list, any, more) => {
    const bytes = await written(list);
    assert.strictEqual(
      (await refused(() => open(bytes.slice(0, any % bytes.length)))).code,
      'corrupt_checkpoint',
    );
    assert.strictEqual(
      (await refused(() => open(Buffer.concat([bytes, new Uint8Array(more)])))).code,
      'corrupt_checkpoint',
    );
  },
);

property(
  'A file with a byte of its header changed is refused, or every tensor still lies inside it',
  [tensors, fc.nat(), whole(0, 255)],
  async (list, any, value) => {
    const bytes = await written(list);
    const end = 8 + new DataView(bytes.buffer).getUint32(0, true);
    bytes[any % end] = value;
    let file: SafetensorsFile;
    try {
      file = await open(bytes);
    } catch (error) {
      assert(error instanceof AlignError, String(error));
      return;
    }
    let filled = 0;
    for (const { start, end, dtype, shape } of file.tensors.values()) {
      assert(start >= 8 && start <= end && end <= bytes.length);
      assert.strictEqual(
        end - start,
        shape.reduce((a, b) => a * b, dtype_bytes(dtype)),
      );
      filled += end - start;
    }
    assert(filled <= bytes.length - 8);
  },
);

/** White space as JSON has it; between a header's tokens it means nothing. */
const space = fc.array(pick(' ', '\n', '\t', '\r'), { maxLength: 3 }).map((list) => list.join(''));
const entry = fc.record({
  dtype: unicode,
  shape: fc.array(fc.nat(), { maxLength: 8 }),
  data_offsets: fc.tuple(fc.maxSafeNat(), fc.maxSafeNat()),
});
const header = fc.record({
  tensors: fc.dictionary(name, entry, { maxKeys: 5 }),
  metadata,
  pretty: pick(0, 1, 3),
  space,
});

property(
  'Our parser reads a header as JSON.parse does, whatever white space is in it',
  [header],
  ({ tensors, metadata, pretty, space }) => {
    const json = JSON.stringify({ __metadata__: metadata, ...tensors }, null, pretty);
    const text = `{${space}${json.slice(1)}`;
    const read = parse_header('a header', new TextEncoder().encode(text));
    const want = JSON.parse(text) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: [number, number] }
    >;
    expect(Object.fromEntries(read.metadata)).toEqual(metadata);
    const entries = Object.entries(want).filter(([key]) => key !== '__metadata__');
    assert.deepEqual(
      read.entries,
      entries.map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [begin, end],
          },
        ]) => ({ name, dtype, shape, begin, end }),
      ),
    );
  },
);

property(
  'A header that names a tensor twice is refused, however the name is written',
  [header, name, entry, fc.boolean()],
  async ({ tensors }, name, own, escaped) => {
    const key = JSON.stringify(name);
    const units = Array.from(
      { length: name.length },
      (_, i) => `\\u${name.charCodeAt(i).toString(16).padStart(4, '0')}`,
    );
    const again = escaped ? `"${units.join('')}"` : key;
    const others = JSON.stringify(
      Object.fromEntries(Object.entries(tensors).filter(([other]) => other !== name)),
    ).slice(1, -1);
    const text = `{${[`${key}:${JSON.stringify(own)}`, others, `${again}:${JSON.stringify(own)}`].filter(Boolean).join(',')}}`;
    const error = await refused(() => parse_header('a header', new TextEncoder().encode(text)));
    assert(error.message.includes('twice'), error.message);
  },
);

const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })).map((value) => JSON.stringify(value)),
);
const damage = fc.tuple(
  fc.nat(),
  pick('', '"', '\\', '{', '}', '[', ']', ',', ':', '0', '-', 'e', '\n', '\u0000', 'nul', ' '),
);

property(
  'JSON files are read as JSON.parse reads them, and refused with a place where it refuses them',
  [json, fc.option(damage, { nil: null })],
  (text, change) => {
    const at = change === null ? 0 : change[0] % (text.length + 1);
    const given = change === null ? text : text.slice(0, at) + change[1] + text.slice(at + 1);
    let want: unknown;
    try {
      want = JSON.parse(given);
    } catch {
      want = undefined;
    }
    try {
      const value = parse_object('config.json', given);
      expect(value).toEqual(want);
      return;
    } catch (error) {
      assert(error instanceof AlignError && error.code === 'corrupt_checkpoint', String(error));
      const object = typeof want === 'object' && want !== null && !Array.isArray(want);
      assert(!object, `refused, though it is JSON: ${error.message}`);
      if (want === undefined) {
        const position = error.detail['position'] as number;
        assert(position >= 0 && position <= given.length, `position ${position} of ${given.length}`);
      }
    }
  },
);
