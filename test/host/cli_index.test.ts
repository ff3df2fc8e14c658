// align-wasm index: what it finds, keeps, refuses and writes. Kills are in cli_index_kill.test.ts.

import { spawnSync } from 'node:child_process';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlignIndex, Align } from '../../src/host/index.ts';
import { random_bytes } from '../support/png.ts';
import { cli, type Ended } from './cli.ts';
import { blocks, picture_names, write_pictures } from './picture_folder.ts';

const NAMES = picture_names(12);

let folder: string;
let pictures: string;
let whole: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
  pictures = join(folder, 'pictures');
  whole = join(folder, 'whole.safetensors');
  await write_pictures(pictures, NAMES);
  expect(await index(pictures, '-o', whole)).toMatchObject({ status: 0, err: '' });
});
afterAll(() => rm(folder, { recursive: true }));

const index = (...args: string[]): Promise<Ended> => cli(['index', ...args, '--json']);
/** Equal without a difference of a hundred thousand lines. */
const equal = async (a: string, b: string): Promise<boolean> => (await readFile(a)).equals(await readFile(b));
/** A path in a fresh folder. */
const fresh = async (name: string): Promise<string> => join(await mkdtemp(join(folder, 'run-')), name);
const count = (pictures: number, embedded: number, kept: number, removed = 0, failed = 0): object => ({
  pictures,
  embedded,
  kept,
  removed,
  failed,
});

describe('the index', () => {
  it('has an entry a picture: its path as id, where it is and what it is, the embedding that Align makes', async () => {
    const model = await Align.load();
    const loaded = await AlignIndex.load(whole);
    expect([...loaded.ids()].sort()).toEqual([...NAMES].sort());
    for (const [i, name] of NAMES.entries()) {
      const { embedding, meta } = loaded.get(name)!;
      const bytes = blocks(i + 1);
      const sha256 = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))).toString(
        'hex',
      );
      expect(meta).toEqual({
        path: `${pictures}/${name}`,
        sha256,
        bytes: bytes.length,
        width: 24,
        height: 24,
      });
      const expected = await model.embed_image(bytes);
      expected.forEach((value, j) => expect(Math.abs(value - embedding[j]!)).toBeLessThan(1e-6));
    }
    loaded.dispose();
    model.dispose();
  });

  it('does not depend on how the folder is named for reading, nor on the output', async () => {
    const output = await fresh('deeper/other.safetensors');
    expect((await index(`${pictures}/`, '-o', output)).status).toBe(0);
    expect(await equal(output, whole)).toBe(true);
    expect(await readdir(join(output, '..'))).toEqual(['other.safetensors']);
  });

  it('puts the name of each of several folders before its pictures’ ids', async () => {
    const output = await fresh('two.safetensors');
    expect((await index(join(pictures, 'a'), join(pictures, 'ü & <i>'), '-o', output)).status).toBe(0);
    const loaded = await AlignIndex.load(output);
    expect([...loaded.ids()].sort()).toEqual(NAMES.filter((name) => /^[aü]/.test(name)).sort());
    loaded.dispose();
  });

  it('leaves out hidden files, other files and linked folders, and says so; a circle of links does not hang it', async () => {
    const there = join(folder, 'mixed');
    await write_pictures(there, ['one.PNG', '.hidden.png', '.thumbs/two.png', 'b/three.jpeg.png']);
    await writeFile(join(there, 'notes.txt'), 'no picture');
    await writeFile(join(there, 'film.gif'), 'GIF89a');
    await symlink('..', join(there, 'b', 'up'));
    await symlink('one.PNG', join(there, 'linked.png'));
    const output = await fresh('mixed.safetensors');
    const { status, out, err } = await cli(['index', there, '-o', output]);
    expect([status, err]).toEqual([0, '']);
    expect(out).toContain('3 pictures: 3 embedded');
    expect(out).toContain('left out: 1 picture of kinds that are not read');
    expect(out).toContain(`not followed: ${there}/b/up`);
    const loaded = await AlignIndex.load(output);
    expect([...loaded.ids()].sort()).toEqual(['b/three.jpeg.png', 'linked.png', 'one.PNG']);
    loaded.dispose();
  });
});

describe('pictures that fail', () => {
  it('are listed, and the others indexed as if they were not there: status 3', async () => {
    const there = join(folder, 'broken');
    await write_pictures(there, NAMES);
    await writeFile(join(there, 'cut.png'), blocks(1).subarray(0, 60));
    await writeFile(join(there, 'empty.jpg'), '');
    await writeFile(join(there, 'gif.png'), 'GIF89a, by its name a PNG');
    await mkdir(join(there, 'folder.png'));
    await symlink('nowhere', join(there, 'gone.webp'));
    spawnSync('mkfifo', [join(there, 'pipe.png')]);
    await writeFile(join(there, 'huge.png'), new Uint8Array(64 * 2 ** 20 + 1));
    const output = await fresh('broken.safetensors');
    const { status, json } = await index(there, '-o', output);
    expect(status).toBe(3);
    const lines = json();
    expect(lines.pop()).toMatchObject(count(12, 12, 0, 0, 6));
    expect(lines.map(({ picture, error }) => [picture, (error as { code: string }).code])).toEqual([
      [`${there}/cut.png`, 'corrupt_image'],
      [`${there}/empty.jpg`, 'corrupt_image'],
      [`${there}/gif.png`, 'unsupported_image'],
      [`${there}/gone.webp`, 'not_found'],
      [`${there}/huge.png`, 'too_large'],
      [`${there}/pipe.png`, 'not_found'],
    ]);
    const human = await cli(['index', there, '-o', output]);
    expect(human.status).toBe(3);
    expect(human.err.trimEnd().split('\n')).toHaveLength(6);
    expect(human.err).toContain(`failed ${there}/cut.png: `);
    expect(human.out).toContain('12 pictures: 0 embedded, 12 kept, 6 failed');
    // Once they are gone: the file of a folder that never had them, but for the paths.
    for (const name of ['cut.png', 'empty.jpg', 'gif.png', 'gone.webp', 'huge.png', 'pipe.png'])
      await rm(join(there, name));
    const clean = await fresh('clean.safetensors');
    expect((await index(there, '-o', clean)).status).toBe(0);
    expect(await equal(clean, output)).toBe(true);
  });

  it('all of them: status 1, and no file is written, or touched', async () => {
    const there = join(folder, 'all-broken');
    await mkdir(there);
    await writeFile(join(there, 'cut.png'), blocks(1).subarray(0, 60));
    const output = await fresh('none.safetensors');
    expect((await index(there, '-o', output)).status).toBe(1);
    expect(await readdir(join(output, '..'))).toEqual([]);
    await copyFile(whole, output);
    expect((await index(there, '-o', output)).status).toBe(1);
    expect(await equal(output, whole)).toBe(true);
  });

  it('cannot send escape sequences to the terminal', async () => {
    const there = join(folder, 'escapes');
    await mkdir(there);
    await writeFile(join(there, '\u001b[31mred\u202e.png'), 'none');
    const { err } = await cli(['index', there, '-o', await fresh('x.safetensors')]);
    expect(err).toContain('\ufffd[31mred\ufffd.png');
    expect(err).not.toContain('\u001b');
  });
});

describe('again', () => {
  it('embeds what is new or changed, keeps the rest, takes out what is gone: the file of one run over all', async () => {
    const there = join(folder, 'changing');
    await write_pictures(there, NAMES);
    for (const dtype of ['fp32', 'int8', 'binary']) {
      const output = await fresh(`${dtype}.safetensors`);
      await write_pictures(there, NAMES);
      expect((await index(there, '-o', output, '--dtype', dtype)).json()).toMatchObject([count(12, 12, 0)]);
      await writeFile(join(there, NAMES[3]!), blocks(99));
      await rename(join(there, NAMES[4]!), join(there, 'renamed.png'));
      await rm(join(there, NAMES[5]!));
      // Without --dtype it stays what it is.
      expect((await index(there, '-o', output)).json()).toMatchObject([count(11, 2, 9, 2)]);
      expect((await index(there, '-o', output)).json()).toMatchObject([count(11, 0, 11)]);
      const once = await fresh('once.safetensors');
      await index(there, '-o', once, '--dtype', dtype);
      expect(await equal(output, once)).toBe(true);
      await rm(there, { recursive: true });
    }
  });

  it('with --keep leaves in what is not found', async () => {
    const output = await fresh('keep.safetensors');
    await copyFile(whole, output);
    const other = join(folder, 'other');
    await write_pictures(other, ['new.png']);
    expect((await index(other, '-o', output, '--keep')).json()).toMatchObject([count(13, 1, 0)]);
    expect((await index(pictures, '-o', output)).json()).toMatchObject([count(12, 0, 12, 1)]);
    expect(await equal(output, whole)).toBe(true);
  });

  it('follows a folder that moved without embedding anything', async () => {
    const moved = join(folder, 'moved');
    await write_pictures(moved, NAMES);
    const output = await fresh('moved.safetensors');
    await copyFile(whole, output);
    expect((await index(moved, '-o', output)).json()).toMatchObject([count(12, 0, 12)]);
    const once = await fresh('once.safetensors');
    await index(moved, '-o', once);
    expect(await equal(output, once)).toBe(true);
  });

  it('goes on after an interruption: status 130, and a word about it', async () => {
    const output = await fresh('stopped.safetensors');
    const stop = new AbortController();
    let clock = 0;
    const io = {
      signal: stop.signal,
      progress: true,
      now: () => (clock += 500),
      err(text: string): void {
        errors += text;
        // The bar says that the first batch is done.
        if (text.includes('66 %')) stop.abort();
      },
    };
    let errors = '';
    expect((await cli(['index', pictures, '-o', output], io)).status).toBe(130);
    expect(errors).toMatch(/12 pictures █+ +66 % {2}[0-9.]+\/s, [0-9.]+ (ms|s) left/);
    expect(errors).toContain('stopped after 8 pictures; the same command goes on from there');
    expect((await readdir(join(output, '..'))).sort()).toEqual(['stopped.safetensors.journal']);
    expect((await index(pictures, '-o', output)).json()).toMatchObject([count(12, 4, 8)]);
    expect(await equal(output, whole)).toBe(true);
  });
});

describe('shares', () => {
  it('are disjoint, together everything, and merge to the bytes of one run', async () => {
    for (const of of [1, 3, 7]) {
      const files: string[] = [];
      let sum = 0;
      for (let i = 1; i <= of; i++) {
        const output = await fresh(`${i}.safetensors`);
        const { status, json } = await index(pictures, '-o', output, '--shard', `${i}/${of}`);
        expect(status).toBe(0);
        sum += json()[0]!['pictures'] as number;
        files.push(output);
      }
      expect(sum).toBe(12);
      const output = await fresh('merged.safetensors');
      const merged = await index('--merge', ...files.reverse(), '-o', output);
      expect(merged.json()).toEqual([{ output, pictures: 12, merged: of }]);
      expect(await equal(output, whole)).toBe(true);
    }
  });

  it('count from 0 as well, and may share an output', async () => {
    const output = await fresh('all.safetensors');
    for (const shard of ['0/3', '1/3', '2/3'])
      expect((await index(pictures, '-o', output, '--shard', shard)).status).toBe(0);
    expect(await equal(output, whole)).toBe(true);
    const [zero, three] = [await fresh('0.safetensors'), await fresh('3.safetensors')];
    await index(pictures, '-o', zero, '--shard', '0/3');
    await index(pictures, '-o', three, '--shard', '3/3');
    expect(await equal(zero, three)).toBe(true);
  });

  it('of different indexes are refused', async () => {
    const [int8, output] = [await fresh('int8.safetensors'), await fresh('merged.safetensors')];
    await index(pictures, '-o', int8, '--dtype', 'int8');
    const kinds = await index('--merge', whole, int8, '-o', output);
    expect([kinds.status, kinds.err]).toEqual([1, expect.stringContaining('has dtype "int8"')]);
    const other = join(folder, 'one-other');
    await write_pictures(other, ['x.png', NAMES[0]!]);
    await writeFile(join(other, NAMES[0]!), blocks(77));
    const clash = await fresh('clash.safetensors');
    await index(other, '-o', clash);
    const clashes = await index('--merge', whole, clash, '-o', output);
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
    const there = join(folder, 'empty');
    await mkdir(there);
    const output = await fresh('kept.safetensors');
    await copyFile(whole, output);
    const { status, err } = await index(there, '-o', output);
    expect([status, err]).toEqual([1, expect.stringContaining('no pictures in')]);
    expect(await equal(output, whole)).toBe(true);
  });

  it('an index that is cut off, edited or something else, wherever it is read; it is not written over', async () => {
    const bytes = await readFile(whole);
    const next = random_bytes(7);
    const cut = [0, 7, 8, 200, bytes.length / 2, bytes.length - 1].map((end) => bytes.subarray(0, end));
    const edited = Array.from({ length: 24 }, (_, i) => {
      const copy = Buffer.from(bytes);
      const at = (next() * 65536 + next() * 256 + next()) % copy.length;
      copy[i === 0 ? copy.length - 1 : at]! ^= 1 << (next() % 8);
      return copy;
    });
    const longer = Buffer.concat([bytes, Buffer.from('x')]);
    const output = await fresh('damaged.safetensors');
    for (const damaged of [...cut, ...edited, longer, Buffer.from('not an index')]) {
      await writeFile(output, damaged);
      for (const args of [
        ['index', pictures, '-o', output],
        ['index', '--merge', whole, output, '-o', `${output}.merged`],
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
    const { status, err } = await index(pictures, '-o', whole, '--dtype', 'int8');
    expect([status, err]).toEqual([1, expect.stringContaining('has dtype "fp32", this run "int8"')]);
    const there = await index(pictures, '-o', pictures);
    expect([there.status, there.err]).toEqual([1, expect.stringContaining('is a folder')]);
  });

  it('an index with entries of another kind, which would be taken out; --keep leaves them', async () => {
    const output = await fresh('mine.safetensors');
    const loaded = await AlignIndex.load(whole);
    for (const [id, meta] of [
      [7, { sha256: 'x' }],
      ['a text', null],
    ] as const) {
      loaded.add(id, loaded.get(NAMES[0]!)!.embedding, meta);
      await loaded.save(output);
      const { status, err } = await index(pictures, '-o', output);
      expect([status, err]).toEqual([1, expect.stringContaining('has an entry that no picture made')]);
      expect((await index(pictures, '-o', output, '--keep')).json()).toMatchObject([count(13, 0, 12)]);
      loaded.remove(id);
    }
    loaded.dispose();
  });

  it('an index whose entries another model of this shape made', async () => {
    const output = await fresh('turned.safetensors');
    const loaded = await AlignIndex.load(whole);
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
    const { status, err } = await index(pictures, '-o', output);
    expect([status, err]).toEqual([1, expect.stringContaining('not the one that the index was made with')]);
  });
});
