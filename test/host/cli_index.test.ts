// align-wasm index: what it finds, keeps and writes. Shares and refusals are in cli_index_shares.test.ts, kills in
// cli_index_kill.test.ts.

import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Align, AlignIndex } from '../../src/host/index.ts';
import { cli } from './cli.ts';
import { count, equal, fresh, index, NAMES, places } from './index_runs.ts';
import { blocks, write_pictures } from './picture_folder.ts';

const at = places();

describe('the index', () => {
  it('has an entry a picture: its path as id, where it is and what it is, the embedding that Align makes', async () => {
    const model = await Align.load();
    const loaded = await AlignIndex.load(at.whole);
    expect([...loaded.ids()].sort()).toEqual([...NAMES].sort());
    for (const [i, name] of NAMES.entries()) {
      const { embedding, meta } = loaded.get(name)!;
      const bytes = blocks(i + 1);
      const sha256 = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))).toString(
        'hex',
      );
      expect(meta).toEqual({
        path: `${at.pictures}/${name}`,
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
    const output = await fresh(at, 'deeper/other.safetensors');
    expect((await index(`${at.pictures}/`, '-o', output)).status).toBe(0);
    expect(await equal(output, at.whole)).toBe(true);
    expect(await readdir(join(output, '..'))).toEqual(['other.safetensors']);
  });

  it('puts the name of each of several folders before its pictures’ ids', async () => {
    const output = await fresh(at, 'two.safetensors');
    expect((await index(join(at.pictures, 'a'), join(at.pictures, 'ü & <i>'), '-o', output)).status).toBe(0);
    const loaded = await AlignIndex.load(output);
    expect([...loaded.ids()].sort()).toEqual(NAMES.filter((name) => /^[aü]/.test(name)).sort());
    loaded.dispose();
  });

  it('leaves out hidden files, other files and linked folders, and says so; a circle of links does not hang it', async () => {
    const there = join(at.folder, 'mixed');
    await write_pictures(there, ['one.PNG', '.hidden.png', '.thumbs/two.png', 'b/three.jpeg.png']);
    await writeFile(join(there, 'notes.txt'), 'no picture');
    await writeFile(join(there, 'film.gif'), 'GIF89a');
    await symlink('..', join(there, 'b', 'up'));
    await symlink('one.PNG', join(there, 'linked.png'));
    const output = await fresh(at, 'mixed.safetensors');
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

it('says which file beside the index cannot be written', async () => {
  const there = join(at.folder, 'beside');
  await write_pictures(there, NAMES.slice(0, 1));
  for (const ending of ['journal', 'lock'])
    for (const kind of ['folder', 'pipe']) {
      const output = await fresh(at, `${kind}.${ending}.safetensors`);
      if (kind === 'folder') await mkdir(`${output}.${ending}`);
      else spawnSync('mkfifo', [`${output}.${ending}`]);
      const { status, err } = await cli(['index', there, '-o', output]);
      expect(status).toBe(1);
      expect(err).toContain(`${output}.${ending} is ${kind === 'folder' ? 'a folder' : 'no regular file'}`);
    }
  const below = join(there, NAMES[0]!, 'x', 'index.safetensors');
  expect((await cli(['index', there, '-o', below])).err).toContain('.lock cannot be written: ENOTDIR');
});

describe('pictures that fail', () => {
  it('are listed, and the others indexed as if they were not there: status 3', async () => {
    const there = join(at.folder, 'broken');
    await write_pictures(there, NAMES);
    await writeFile(join(there, 'cut.png'), blocks(1).subarray(0, 60));
    await writeFile(join(there, 'empty.jpg'), '');
    await writeFile(join(there, 'gif.png'), 'GIF89a, by its name a PNG');
    await mkdir(join(there, 'folder.png'));
    await symlink('nowhere', join(there, 'gone.webp'));
    spawnSync('mkfifo', [join(there, 'pipe.png')]);
    await writeFile(join(there, 'huge.png'), new Uint8Array(64 * 2 ** 20 + 1));
    const output = await fresh(at, 'broken.safetensors');
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
    const clean = await fresh(at, 'clean.safetensors');
    expect((await index(there, '-o', clean)).status).toBe(0);
    expect(await equal(clean, output)).toBe(true);
  });

  it('all of them: status 1, and no file is written, or touched', async () => {
    const there = join(at.folder, 'all-broken');
    await mkdir(there);
    await writeFile(join(there, 'cut.png'), blocks(1).subarray(0, 60));
    const output = await fresh(at, 'none.safetensors');
    expect((await index(there, '-o', output)).status).toBe(1);
    expect(await readdir(join(output, '..'))).toEqual([]);
    await copyFile(at.whole, output);
    expect((await index(there, '-o', output)).status).toBe(1);
    expect(await equal(output, at.whole)).toBe(true);
  });

  it('cannot send escape sequences to the terminal', async () => {
    const there = join(at.folder, 'escapes');
    await mkdir(there);
    await writeFile(join(there, '\u001b[31mred\u202e.png'), 'none');
    const { err } = await cli(['index', there, '-o', await fresh(at, 'x.safetensors')]);
    expect(err).toContain('\ufffd[31mred\ufffd.png');
    expect(err).not.toContain('\u001b');
  });
});

describe('again', () => {
  it('embeds what is new or changed, keeps the rest, takes out what is gone: the file of one run over all', async () => {
    const there = join(at.folder, 'changing');
    await write_pictures(there, NAMES);
    for (const dtype of ['fp32', 'int8', 'binary']) {
      const output = await fresh(at, `${dtype}.safetensors`);
      await write_pictures(there, NAMES);
      expect((await index(there, '-o', output, '--dtype', dtype)).json()).toMatchObject([count(12, 12, 0)]);
      await writeFile(join(there, NAMES[3]!), blocks(99));
      await rename(join(there, NAMES[4]!), join(there, 'renamed.png'));
      await rm(join(there, NAMES[5]!));
      // Without --dtype it stays what it is.
      expect((await index(there, '-o', output)).json()).toMatchObject([count(11, 2, 9, 2)]);
      expect((await index(there, '-o', output)).json()).toMatchObject([count(11, 0, 11)]);
      const once = await fresh(at, 'once.safetensors');
      await index(there, '-o', once, '--dtype', dtype);
      expect(await equal(output, once)).toBe(true);
      await rm(there, { recursive: true });
    }
  });

  it('with --keep leaves in what is not found', async () => {
    const output = await fresh(at, 'keep.safetensors');
    await copyFile(at.whole, output);
    const other = join(at.folder, 'other');
    await write_pictures(other, ['new.png']);
    expect((await index(other, '-o', output, '--keep')).json()).toMatchObject([count(13, 1, 0)]);
    expect((await index(at.pictures, '-o', output)).json()).toMatchObject([count(12, 0, 12, 1)]);
    expect(await equal(output, at.whole)).toBe(true);
  });

  it('follows a folder that moved without embedding anything', async () => {
    const moved = join(at.folder, 'moved');
    await write_pictures(moved, NAMES);
    const output = await fresh(at, 'moved.safetensors');
    await copyFile(at.whole, output);
    expect((await index(moved, '-o', output)).json()).toMatchObject([count(12, 0, 12)]);
    const once = await fresh(at, 'once.safetensors');
    await index(moved, '-o', once);
    expect(await equal(output, once)).toBe(true);
  });

  it('goes on after an interruption: status 130, and a word about it', async () => {
    const output = await fresh(at, 'stopped.safetensors');
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
    expect((await cli(['index', at.pictures, '-o', output], io)).status).toBe(130);
    expect(errors).toMatch(/12 pictures █+ +66 % {2}[0-9.]+\/s, [0-9.]+ (ms|s) left/);
    expect(errors).toContain('stopped after 8 pictures; the same command goes on from there');
    expect((await readdir(join(output, '..'))).sort()).toEqual(['stopped.safetensors.journal']);
    expect((await index(at.pictures, '-o', output)).json()).toMatchObject([count(12, 4, 8)]);
    expect(await equal(output, at.whole)).toBe(true);
  });
});
