// What a model may be given as, and a checkpoint's tensors out of it: whole, sharded, broken, hostile.

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { platform } from '#platform';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Checkpoint } from '../../src/host/checkpoint/checkpoint.ts';
import { open_model, type FileInput, type ModelFiles } from '../../src/host/checkpoint/model_files.ts';
import { bytes_source, type ByteSource } from '../../src/host/checkpoint/source.ts';
import { safetensors_chunks, type StoredTensor } from '../../src/host/checkpoint/writer.ts';

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'align-checkpoint-'));
});
afterAll(() => rm(root, { recursive: true }));

/** A safetensors file of U8 tensors of three bytes a row, counting up. */
async function weights(shapes: Record<string, number[]>): Promise<Uint8Array> {
  const tensors = Object.entries(shapes).map(([name, shape]): StoredTensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    return { name, dtype: 'U8', shape, bytes: () => [new Uint8Array(size).map((_, i) => i)] };
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of safetensors_chunks(tensors)) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function checkpoint(files: ModelFiles): Promise<Checkpoint> {
  return Checkpoint.open(await open_model(files));
}

/** A source that records what is read and whether it was closed. */
function spied(bytes: Uint8Array): ByteSource & { reads: [number, number][]; closed: number } {
  const inner = bytes_source('spied', bytes);
  return {
    ...inner,
    reads: [],
    closed: 0,
    read(start, end) {
      this.reads.push([start, end]);
      return inner.read(start, end);
    },
    close() {
      this.closed++;
      return Promise.resolve();
    },
  };
}

describe('a model as files', () => {
  test('every kind of file', async () => {
    const bytes = new TextEncoder().encode('{"a": 1}');
    const padded = new Uint8Array([0, 0, ...bytes, 0]).subarray(2, -1);
    const inputs: [string, FileInput][] = [
      ['Uint8Array', bytes],
      ['a part of a buffer', padded],
      ['Buffer', Buffer.from(bytes)],
      ['ArrayBuffer', bytes.slice().buffer],
      ['DataView', new DataView(padded.buffer, padded.byteOffset, padded.byteLength)],
      ['Blob', new Blob([bytes])],
      ['File', new File([bytes], 'other.name')],
      ['byte source', bytes_source('x', bytes)],
      ['text', '{"a": 1}'],
      ['parsed JSON', { a: 1 }],
    ];
    for (const [kind, input] of inputs) {
      const folder = await open_model({ 'config.json': input });
      expect(await folder.json('config.json'), kind).toEqual({ a: 1 });
      expect(JSON.parse((await folder.text('config.json'))!), kind).toEqual({ a: 1 });
      const source = (await folder.open('config.json'))!;
      expect(source.name).toBe('config.json');
      expect((await source.read(1, 4)).length).toBe(3);
      await expect(source.read(0, source.size + 1)).rejects.toMatchObject({ code: 'corrupt_checkpoint' });
      expect(await folder.open('vocab.txt')).toBeNull();
      expect(await folder.text('toString')).toBeNull();
    }
  });

  test('a list of files, by base name; the highest of several', async () => {
    const listed = (path: string, text: string): File => {
      const file = new File([text], path.split('/').at(-1)!);
      Object.defineProperty(file, 'webkitRelativePath', { value: path });
      return file;
    };
    const folder = await open_model([
      listed('align/onnx/config.json', '{"at": "onnx"}'),
      listed('align/config.json', '{"at": "top"}'),
      listed('align/.git/HEAD', 'a'),
      listed('align/.log/HEAD', 'b'),
      new File(['[UNK]\n'], 'vocab.txt'),
    ]);
    expect(await folder.json('config.json')).toEqual({ at: 'top' });
    expect(await folder.text('vocab.txt')).toBe('[UNK]\n');
    await expect(folder.text('HEAD')).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/align\/.git\/HEAD and align\/.log\/HEAD/) as string,
    });
    const set = await open_model(new Set([new File(['x'], 'a.txt')]));
    expect(await set.text('a.txt')).toBe('x');
  });

  test('two files of one name', async () => {
    const folder = await open_model([new File(['{}'], 'config.json'), new File(['{}'], 'config.json')]);
    await expect(folder.json('config.json')).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test.each([
    ['null', null],
    ['a number', 3],
    ['a function', () => 0],
    ['a file that is a number', { 'config.json': 3 }],
    ['a file that is null', { 'config.json': null }],
    ['a list of names', ['config.json']],
    ['a list of Blobs without names', [new Blob()]],
    ['an invalid URL', 'https://['],
  ])('%s is no model', async (_, model) => {
    await expect(open_model(model as never)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('a file that cannot be JSON', async () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const folder = await open_model({ 'config.json': circular });
    await expect(folder.json('config.json')).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test.each([
    ['bytes', new Uint8Array(10)],
    ['an ArrayBuffer', new ArrayBuffer(10)],
    ['a Blob', new Blob(['x'])],
    ['a byte source', bytes_source('x', new Uint8Array(10))],
  ])('%s alone lack the config.json', async (_, model) => {
    await expect(open_model(model as never)).rejects.toMatchObject({
      code: 'not_found',
      detail: { file: 'config.json' },
      hint: expect.stringContaining('folder') as string,
    });
  });

  test('a byte source of the caller is not closed, and checked', async () => {
    const source = spied(await weights({ w: [2, 3] }));
    const opened = await checkpoint({ [WEIGHTS]: source });
    await opened.close();
    expect(source.closed).toBe(0);
    const short: ByteSource = { name: 'x', size: 100, read: () => Promise.resolve(new Uint8Array(3)) };
    await expect(checkpoint({ [WEIGHTS]: short })).rejects.toMatchObject({ code: 'corrupt_checkpoint' });
  });
});

describe('a local folder', () => {
  beforeAll(async () => {
    await mkdir(join(root, 'a model', 'vocab.txt'), { recursive: true });
    await writeFile(join(root, 'a model', 'config.json'), '{"a": 1}');
    await writeFile(join(root, 'secret.json'), '{}');
    await writeFile(join(root, 'real'), 'linked');
    await symlink(join(root, 'real'), join(root, 'a model', 'merges.txt'));
  });

  test('by path and by URL', async () => {
    const path = join(root, 'a model');
    const url = pathToFileURL(path);
    for (const model of [path, `${path}/`, url, new URL(`${url.href}/`), url.href]) {
      const folder = await open_model(model);
      expect(await folder.json('config.json')).toEqual({ a: 1 });
      expect(await folder.open('absent.json')).toBeNull();
      expect(await folder.text('merges.txt')).toBe('linked');
      expect(await folder.open('vocab.txt'), 'a folder is no file').toBeNull();
    }
  });

  test.each(['../secret.json', '..', '.', '', 'x/../../secret.json', '..\\secret.json', 'C:secret', 'a\0b'])(
    'does not open %j',
    async (file) => {
      const folder = await open_model(join(root, 'a model'));
      await expect(folder.open(file)).rejects.toMatchObject({ code: 'invalid_argument' });
    },
  );

  test.each([
    'no/such/folder',
    '',
    'kakaobrain/align-base',
    'https://example.org/model',
    'file:///no/such/folder',
  ])('%j is not found', async (model) => {
    await expect(open_model(model)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('no local folder') as string,
    });
  });

  test('a lone file', async () => {
    await expect(open_model(join(root, 'secret.json'))).rejects.toMatchObject({
      code: 'not_found',
      detail: { file: 'config.json' },
    });
  });

  test('the embedded model, or how to get one', async () => {
    const folder = await open_model(undefined);
    expect(await folder.json('config.json')).toHaveProperty('model_type', 'align');
    const spy = vi.spyOn(platform, 'embedded_model').mockReturnValue(null);
    await expect(open_model(undefined)).rejects.toMatchObject({ code: 'model_required' });
    spy.mockRestore();
  });

  test('an aborted signal', async () => {
    await expect(open_model(root, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

describe('text and JSON', () => {
  test.each([
    ['{"a": 1,}', 1, 9],
    ['{"a": 1 "b": 2}', 1, 9],
    ['{"a"\n: tru}', 2, 3],
    ['{"a": 01}', 1, 8],
    ['{a: 1}', 1, 2],
    ['[1, 2', 1, 6],
    ['{"a": "x\ny"}', 1, 7],
    ['{"a": {"b": [1, {}]}}}', 1, 22],
    ['{"a": 1}\n\n!', 3, 1],
    ['{"a" 1}', 1, 6],
    ['{"a": }', 1, 7],
    ['[1, ]', 1, 5],
    ['{]', 1, 2],
    ['', 1, 1],
    ['\ufeff{}', 1, 1],
    ['{"a": "\\x"}', 1, 7],
  ])('%j breaks at line %i, column %i', async (text, line, column) => {
    const folder = await open_model({ 'config.json': text });
    await expect(folder.json('config.json')).rejects.toMatchObject({
      code: 'corrupt_checkpoint',
      message: expect.stringContaining(
        `config.json is not valid JSON at line ${line}, column ${column}:`,
      ) as string,
      detail: { file: 'config.json' },
    });
  });

  test.each(['[]', '3', 'null', '"x"'])('%s is not an object', async (text) => {
    const folder = await open_model({ 'config.json': text });
    await expect(folder.json('config.json')).rejects.toMatchObject({
      code: 'corrupt_checkpoint',
      message: expect.stringContaining('object is expected') as string,
    });
  });

  test('not UTF-8, too large, a byte-order mark', async () => {
    const huge: ByteSource = {
      name: 'x',
      size: 2 ** 26 + 1,
      read: () => Promise.reject(new Error('was read')),
    };
    const folder = await open_model({ a: new Uint8Array([0xff]), b: huge, c: '\ufeffx' });
    await expect(folder.text('a')).rejects.toMatchObject({
      code: 'corrupt_checkpoint',
      detail: { file: 'a' },
    });
    await expect(folder.text('b')).rejects.toMatchObject({ code: 'too_large', detail: { file: 'b' } });
    expect(await folder.text('c')).toBe('\ufeffx');
  });
});

describe('a checkpoint in one file', () => {
  test('rows of a tensor', async () => {
    const opened = await checkpoint({
      [WEIGHTS]: await weights({ m: [4, 3], s: [], e: [0, 5], f: [2, 0], c: [2, 2, 2] }),
    });
    expect([...opened.names()].sort()).toEqual(['c', 'e', 'f', 'm', 's']);
    expect(opened.get('m')).toMatchObject({ name: 'm', dtype: 'U8', shape: [4, 3] });
    expect(opened.get('m')!.file.metadata.get('format')).toBe('pt');
    expect(opened.get('toString')).toBeUndefined();
    const rows = async (name: string, first: number, count: number): Promise<number[]> => [
      ...(await opened.read_rows(name, first, count)),
    ];
    expect(await rows('m', 1, 2)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(await rows('m', 0, 4)).toHaveLength(12);
    expect(await rows('m', 4, 0)).toEqual([]);
    expect(await rows('s', 0, 1)).toEqual([0]);
    expect(await rows('e', 0, 0)).toEqual([]);
    expect(await rows('f', 0, 2)).toEqual([]);
    expect(await rows('c', 1, 1)).toEqual([4, 5, 6, 7]);
    for (const [first, count] of [
      [3, 2],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [0, NaN],
    ] as const)
      await expect(rows('m', first, count)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(rows('x', 0, 1)).rejects.toMatchObject({ code: 'missing_tensor', detail: { tensor: 'x' } });
    await expect(opened.read_rows('m', 0, 1, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });

  test('opening reads the header only', async () => {
    const source = spied(await weights({ w: [1000, 3] }));
    const opened = await checkpoint({ [WEIGHTS]: source });
    const { start } = opened.get('w')!;
    expect(source.reads).toEqual([
      [0, 8],
      [8, start],
    ]);
    await opened.read_rows('w', 10, 2);
    expect(source.reads.at(-1)).toEqual([start + 30, start + 36]);
  });

  test('no weights, or only weights of PyTorch', async () => {
    await expect(checkpoint({ 'config.json': '{}' })).rejects.toMatchObject({
      code: 'not_found',
      detail: { file: WEIGHTS },
    });
    for (const file of ['pytorch_model.bin', 'pytorch_model.bin.index.json'])
      await expect(checkpoint({ [file]: 'x' })).rejects.toMatchObject({
        code: 'not_found',
        hint: expect.stringContaining('safetensors') as string,
      });
  });
});

describe('a checkpoint in shards', () => {
  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;

  async function sharded(weight_map: unknown, more: Record<string, FileInput> = {}): Promise<Checkpoint> {
    return checkpoint({
      [INDEX]: { metadata: { total_size: 12 }, weight_map },
      [first]: await weights({ a: [2, 3], b: [3] }),
      [second]: await weights({ c: [3], unlisted: [1] }),
      ...more,
    });
  }

  test('reads each tensor from its file', async () => {
    const opened = await sharded({ c: second, a: first, b: first });
    expect([...opened.names()].sort()).toEqual(['a', 'b', 'c']);
    expect(opened.get('c')!.file.source.name).toBe(second);
    expect([...(await opened.read_rows('a', 1, 1))]).toEqual([3, 4, 5]);
  });

  test('model.safetensors wins over the index', async () => {
    const opened = await sharded({ a: first }, { [WEIGHTS]: await weights({ whole: [1] }) });
    expect([...opened.names()]).toEqual(['whole']);
  });

  test('a tensor that its shard lacks, a shard that the folder lacks, a broken shard', async () => {
    await expect(sharded({ a: first, b: second })).rejects.toMatchObject({
      code: 'missing_tensor',
      detail: { file: second, tensor: 'b' },
    });
    await expect(sharded({ a: 'model-3.safetensors' })).rejects.toMatchObject({
      code: 'not_found',
      detail: { file: 'model-3.safetensors' },
    });
    await expect(sharded({ a: first }, { [first]: new Uint8Array(20) })).rejects.toMatchObject({
      code: 'corrupt_checkpoint',
      detail: { file: first },
    });
  });

  test.each([
    '../model.safetensors',
    '..\\model.safetensors',
    '/etc/passwd',
    'C:\\model.safetensors',
    'C:model.safetensors',
    'shards/model.safetensors',
    'model.safetensors:stream',
    'file:///etc/passwd',
    'https://example.org/model.safetensors',
    '..',
    '.',
    '',
    'model\0.safetensors',
    'model\n.safetensors',
    3,
    null,
    [first],
  ])('does not open the shard %j', async (shard) => {
    await expect(sharded({ w: shard })).rejects.toMatchObject({
      code: 'corrupt_checkpoint',
      detail: { file: INDEX, tensor: 'w', value: shard },
    });
  });

  test.each([[null], [[]], ['x'], [3], [undefined]])('a weight_map of %j', async (weight_map) => {
    await expect(sharded(weight_map)).rejects.toMatchObject({
      code: 'corrupt_checkpoint',
      detail: { file: INDEX },
    });
  });

  test('too many shards', async () => {
    const weight_map = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`t${i}`, `s${i}`]));
    await expect(sharded(weight_map)).rejects.toMatchObject({ code: 'corrupt_checkpoint' });
  });

  test('files are closed, also those opened before one fails', async () => {
    const folder = join(root, 'sharded');
    const index = { weight_map: { a: first, c: second } };
    await mkdir(folder);
    await writeFile(join(folder, INDEX), JSON.stringify(index));
    await writeFile(join(folder, first), await weights({ a: [3] }));
    await writeFile(join(folder, second), await weights({ other: [3] }));
    const close = vi.fn();
    const open = platform.open.bind(platform);
    const spy = vi.spyOn(platform, 'open').mockImplementation(async (path) => {
      const source = await open(path);
      return { ...source, close: () => (close(path.slice(folder.length + 1)), source.close!()) };
    });
    await expect(Checkpoint.open(await open_model(folder))).rejects.toMatchObject({ code: 'missing_tensor' });
    expect(close.mock.calls.flat().sort()).toEqual([first, second, INDEX]);
    await writeFile(join(folder, second), await weights({ c: [3] }));
    const opened = await Checkpoint.open(await open_model(folder));
    close.mockClear();
    await opened.close();
    expect(close.mock.calls.flat()).toEqual([first, second]);
    spy.mockRestore();
  });
});
