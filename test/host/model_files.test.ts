// What a model may be given as: files, a file list, a folder; and text and JSON out of it.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { platform } from '#platform';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Checkpoint } from '../../src/host/checkpoint/checkpoint.ts';
import {
  open_model,
  type FileInput,
  type ModelFiles,
  type ModelFolder,
} from '../../src/host/checkpoint/model_files.ts';
import { bytes_source, type ByteSource } from '../../src/host/checkpoint/source.ts';
import { WEIGHTS, checkpoint, spied, weights } from '../support/checkpoint_files.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'align-checkpoint-'));
});
afterAll(() => rm(root, { recursive: true }));

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

  test('a URL is read when its file is asked for: a local one as a file, another fetched once', async () => {
    await writeFile(join(root, 'by_url.json'), '{"a": 1}');
    const fetched = vi.spyOn(platform, 'fetch_bytes').mockResolvedValue(Buffer.from('{"b": 2}'));
    const folder = await open_model({
      'local.json': pathToFileURL(join(root, 'by_url.json')),
      'remote.json': new URL('https://models.example/remote.json'),
      'missing.json': pathToFileURL(join(root, 'missing.json')),
    });
    expect(await folder.json('local.json')).toEqual({ a: 1 });
    expect(fetched).not.toHaveBeenCalled();
    for (let i = 0; i < 2; i++) expect(await folder.json('remote.json')).toEqual({ b: 2 });
    expect(fetched).toHaveBeenCalledOnce();
    await expect(folder.json('missing.json')).rejects.toMatchObject({ code: 'not_found' });
    fetched.mockRestore();
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
    ['a file URL that is no UTF-8', 'file:///%FF'],
    ['a Response', new Response('{}')],
    ['a stream', new Blob(['{}']).stream()],
    ['a promise', Promise.resolve({})],
    ['a SharedArrayBuffer', new SharedArrayBuffer(10)],
    ['a Map', new Map([['config.json', '{}']])],
  ])('%s is no model', async (_, model) => {
    await expect(open_model(model as never)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test.each([
    new Response('{}'),
    Promise.resolve('{}'),
    new Map([['a', 1]]),
    new SharedArrayBuffer(10),
    new Blob(['{}']).stream(),
    new Date(0),
  ])('a file that is a %o is not taken for JSON', async (input) => {
    const folder = await open_model({ 'config.json': input });
    await expect(folder.json('config.json')).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(
        `"config.json" is ${Object.prototype.toString.call(input).slice(8, -1)}`,
      ) as string,
      hint: expect.stringContaining('arrayBuffer()') as string,
    });
  });

  test('parsed JSON may come from another frame', async () => {
    const folder = await open_model(runInNewContext(`({ 'config.json': { a: 1 } })`) as ModelFiles);
    expect(await folder.json('config.json')).toEqual({ a: 1 });
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

  test('a packed file of which nothing is left is said to be cut off', async () => {
    await expect(open_model(new Uint8Array(8))).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('cut off after 8 bytes') as string,
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

  test.each([
    ['null', (): unknown => null],
    ['a list', (length: number): unknown => Array(length).fill(0)],
    ['text', (length: number): unknown => 'x'.repeat(length)],
    ['other numbers', (length: number): unknown => new Uint16Array(length)],
    ['a buffer', (length: number): unknown => new ArrayBuffer(length)],
  ])('a byte source that gives %s is refused', async (_, give) => {
    const read = (start: number, end: number): Promise<never> => Promise.resolve(give(end - start) as never);
    const source: ByteSource = { name: 'x', size: 100, read };
    for (const file of [WEIGHTS, 'config.json'])
      await expect(
        open_model({ [file]: source }).then((folder) => reading(folder, file)),
      ).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringMatching(/: read gave .*, not a Uint8Array/) as string,
      });
  });

  test('what a byte source throws comes back as the object that it is', async () => {
    const thrown = new TypeError('the bucket is gone');
    const read = (): never => {
      throw thrown;
    };
    const sources: ByteSource[] = [
      { name: 'x', size: 100, read },
      { name: 'x', size: 100, read: () => Promise.reject(thrown) },
      { name: 'x', size: 100, read, read_into: () => Promise.reject(thrown) },
    ];
    for (const source of sources) {
      const opened = (await (await open_model({ [WEIGHTS]: source })).open(WEIGHTS))!;
      await expect(opened.read(0, 8)).rejects.toBe(thrown);
      await expect(opened.read_into!(0, new Uint8Array(8))).rejects.toBe(thrown);
    }
  });

  test('a byte source that never gives anything does not outlast the signal', async () => {
    const read = (): Promise<never> => new Promise(() => undefined);
    const source: ByteSource = { name: 'x', size: 100, read };
    const reason = new Error('enough');
    const aborted = { code: 'aborted', cause: reason };
    for (const files of [{ [WEIGHTS]: source }, { 'config.json': source }, source]) {
      const abort = new AbortController();
      const reads = open_model(files, { signal: abort.signal }).then(async (folder) => {
        await folder.json('config.json');
        await Checkpoint.open(folder, abort.signal);
      });
      setTimeout(() => abort.abort(reason));
      await expect(reads).rejects.toMatchObject(aborted);
    }
    // Nor one that rejects with the signal's own reason.
    const abort = new AbortController();
    const heard: ByteSource['read'] = (_, __, signal) =>
      new Promise((___, reject) => signal!.addEventListener('abort', () => reject(reason)));
    const folder = await open_model({ 'config.json': { name: 'x', size: 9, read: heard } }, abort);
    setTimeout(() => abort.abort(reason));
    await expect(folder.json('config.json')).rejects.toMatchObject(aborted);
  });

  test('what is read when loading is over does not hear its signal', async () => {
    const abort = new AbortController();
    const files = { 'config.json': bytes_source('x', new TextEncoder().encode('{"a": 1}')) };
    const folder = await open_model(files, abort);
    abort.abort();
    await expect(folder.json('config.json')).rejects.toMatchObject({ code: 'aborted' });
    folder.release?.();
    expect(await folder.json('config.json')).toEqual({ a: 1 });
  });
});

/** Reads a file as what its name says. */
async function reading(folder: ModelFolder, file: string): Promise<void> {
  if (file === WEIGHTS) await Checkpoint.open(folder);
  else await folder.json(file);
}

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
    './align-base',
    'align-base.safetensors',
    's3://bucket/model',
    'file:///no/such/folder',
  ])('%j is not found', async (model) => {
    await expect(open_model(model)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('no local folder') as string,
    });
  });

  test('a pipe in the place of a file is refused, and nobody waits for it', async () => {
    const path = join(root, 'pipes');
    await mkdir(path);
    for (const name of ['config.json', WEIGHTS]) spawnSync('mkfifo', [join(path, name)]);
    const refusal = { code: 'not_found', message: expect.stringContaining('no regular file') as string };
    const folder = await open_model(path);
    for (const file of ['config.json', WEIGHTS])
      await expect(reading(folder, file)).rejects.toMatchObject(refusal);
    await expect(open_model(join(path, WEIGHTS))).rejects.toMatchObject(refusal);
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

  test('a byte-order mark, which nobody sees, is named', async () => {
    const folder = await open_model({ 'config.json': '\ufeff{}' });
    await expect(folder.json('config.json')).rejects.toMatchObject({
      message: expect.stringContaining('column 1: a byte-order mark') as string,
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
