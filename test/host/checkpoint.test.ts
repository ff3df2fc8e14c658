// A checkpoint's tensors: whole, sharded, broken, hostile.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platform } from '#platform';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Checkpoint } from '../../src/host/checkpoint/checkpoint.ts';
import { open_model, type FileInput } from '../../src/host/checkpoint/model_files.ts';
import { INDEX, WEIGHTS, checkpoint, spied, weights } from '../support/checkpoint_files.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'align-checkpoint-'));
});
afterAll(() => rm(root, { recursive: true }));

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
