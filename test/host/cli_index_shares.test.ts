// align-wasm index: shares that merge to the whole, and what is refused.

import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AlignIndex } from '../../src/host/index.ts';
import { random_bytes } from '../support/png.ts';
import { cli } from './cli.ts';
import { count, equal, fresh, index, NAMES, places } from './index_runs.ts';
import { blocks, write_pictures } from './picture_folder.ts';

const at = places();

describe('shares', () => {
  it('are disjoint, together everything, and merge to the bytes of one run', async () => {
    for (const of of [1, 3, 7]) {
      const files: string[] = [];
      let sum = 0;
      for (let i = 1; i <= of; i++) {
        const output = await fresh(at, `${i}.safetensors`);
        const { status, json } = await index(at.pictures, '-o', output, '--shard', `${i}/${of}`);
        expect(status).toBe(0);
        sum += json()[0]!['pictures'] as number;
        files.push(output);
      }
      expect(sum).toBe(12);
      const output = await fresh(at, 'merged.safetensors');
      const merged = await index('--merge', ...files.reverse(), '-o', output);
      expect(merged.json()).toEqual([{ output, pictures: 12, merged: of }]);
      expect(await equal(output, at.whole)).toBe(true);
    }
  });

  it('count from 0 as well, and may share an output', async () => {
    const output = await fresh(at, 'all.safetensors');
    for (const shard of ['0/3', '1/3', '2/3'])
      expect((await index(at.pictures, '-o', output, '--shard', shard)).status).toBe(0);
    expect(await equal(output, at.whole)).toBe(true);
    const [zero, three] = [await fresh(at, '0.safetensors'), await fresh(at, '3.safetensors')];
    await index(at.pictures, '-o', zero, '--shard', '0/3');
    await index(at.pictures, '-o', three, '--shard', '3/3');
    expect(await equal(zero, three)).toBe(true);
  });

  it('of different indexes are refused', async () => {
    const [int8, output] = [await fresh(at, 'int8.safetensors'), await fresh(at, 'merged.safetensors')];
    await index(at.pictures, '-o', int8, '--dtype', 'int8');
    const kinds = await index('--merge', at.whole, int8, '-o', output);
    expect([kinds.status, kinds.err]).toEqual([1, expect.stringContaining('has dtype "int8"')]);
    const other = join(at.folder, 'one-other');
    await write_pictures(other, ['x.png', NAMES[0]!]);
    await writeFile(join(other, NAMES[0]!), blocks(77));
    const clash = await fresh(at, 'clash.safetensors');
    await index(other, '-o', clash);
    const clashes = await index('--merge', at.whole, clash, '-o', output);
    expect([clashes.status, clashes.err]).toEqual([1, expect.stringContaining(NAMES[0]!)]);
    expect(await readdir(join(output, '..'))).toEqual([]);
  });
});

describe('refused', () => {
  it.each<[string[], string]>([
    [[], 'needs -o FILE'],
    [['-o', 'x'], 'needs a FOLDER'],
    [['nowhere', '-o', 'x'], '"nowhere" is not a folder'],
    [['test', './test', '-o', 'x'], 'two folders are named "test"'],
    [['test', '-o', 'x', '--shard', '4/3'], '--shard must be I/N'],
    [['test', '-o', 'x', '--shard', '1'], '--shard must be I/N'],
    [['test', '-o', 'x', '--shard', '0/0'], '--shard must be I/N'],
    [['test', '-o', 'x', '--dtype', 'fp8'], '--dtype must be fp32 or int8 or binary'],
    [['test', '--merge', 'a', '-o', 'x'], '--merge takes files'],
    [['--merge', 'a', '--to', 'pglite:x'], '--merge needs -o FILE'],
  ])('%j: status 2 and a reason', async (args, reason) => {
    const { status, err } = await cli(['index', ...args]);
    expect([status, err]).toEqual([2, expect.stringContaining(reason)]);
  });

  it('a folder without pictures; the index stays', async () => {
    const there = join(at.folder, 'empty');
    await mkdir(there);
    const output = await fresh(at, 'kept.safetensors');
    await copyFile(at.whole, output);
    const { status, err } = await index(there, '-o', output);
    expect([status, err]).toEqual([1, expect.stringContaining('no pictures in')]);
    expect(await equal(output, at.whole)).toBe(true);
  });

  it('an index that is cut off, edited or something else, wherever it is read; it is not written over', async () => {
    const bytes = await readFile(at.whole);
    const next = random_bytes(7);
    const cut = [0, 7, 8, 200, bytes.length / 2, bytes.length - 1].map((end) => bytes.subarray(0, end));
    const edited = Array.from({ length: 24 }, (_, i) => {
      const copy = Buffer.from(bytes);
      const place = (next() * 65536 + next() * 256 + next()) % copy.length;
      copy[i === 0 ? copy.length - 1 : place]! ^= 1 << (next() % 8);
      return copy;
    });
    const longer = Buffer.concat([bytes, Buffer.from('x')]);
    const output = await fresh(at, 'damaged.safetensors');
    for (const damaged of [...cut, ...edited, longer, Buffer.from('not an index')]) {
      await writeFile(output, damaged);
      for (const args of [
        ['index', at.pictures, '-o', output],
        ['index', '--merge', at.whole, output, '-o', `${output}.merged`],
        ['search', output, 'a dog'],
      ]) {
        const { status, out, err } = await cli(args);
        expect([status, out]).toEqual([1, '']);
        expect(err).toMatch(/^align-wasm: .{20}/);
      }
      expect((await readFile(output)).equals(damaged)).toBe(true);
    }
    expect(await readdir(join(output, '..'))).toEqual(['damaged.safetensors']);
  });

  it('an index of another dtype, and a folder as output', async () => {
    const { status, err } = await index(at.pictures, '-o', at.whole, '--dtype', 'int8');
    expect([status, err]).toEqual([1, expect.stringContaining('has dtype "fp32", this run "int8"')]);
    const there = await index(at.pictures, '-o', at.pictures);
    expect([there.status, there.err]).toEqual([1, expect.stringContaining('is a folder')]);
  });

  it('an index with entries of another kind, which would be taken out; --keep leaves them', async () => {
    const output = await fresh(at, 'mine.safetensors');
    const loaded = await AlignIndex.load(at.whole);
    for (const [id, meta] of [
      [7, { sha256: 'x' }],
      ['a text', null],
    ] as const) {
      loaded.add(id, loaded.get(NAMES[0]!)!.embedding, meta);
      await loaded.save(output);
      const { status, err } = await index(at.pictures, '-o', output);
      expect([status, err]).toEqual([1, expect.stringContaining('has an entry that no picture made')]);
      expect((await index(at.pictures, '-o', output, '--keep')).json()).toMatchObject([count(13, 0, 12)]);
      loaded.remove(id);
    }
    loaded.dispose();
  });

  it('an index whose entries another model of this shape made', async () => {
    const output = await fresh(at, 'turned.safetensors');
    const loaded = await AlignIndex.load(at.whole);
    for (const id of [...loaded.ids()])
      loaded.update(
        id,
        loaded
          .get(id)!
          .embedding.map((v) => v)
          .reverse(),
      );
    await loaded.save(output);
    loaded.dispose();
    const { status, err } = await index(at.pictures, '-o', output);
    expect([status, err]).toEqual([1, expect.stringContaining('not the one that the index was made with')]);
  });
});
