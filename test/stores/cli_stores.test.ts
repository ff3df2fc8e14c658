// align-wasm index --to and search on a database: PGlite in a folder, and a PostgreSQL that several processes fill.

import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli } from '../host/cli.ts';
import { picture_names, start, write_pictures, type Started } from '../host/picture_folder.ts';
import { picture } from '../host/zero_shot.ts';
import { open_store, type VectorStore } from '../../src/host/stores/index.ts';
import { start_postgres } from './postgres.ts';

let folder: string;
let pictures: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
  pictures = join(folder, 'pictures');
  file = join(folder, 'index.safetensors');
  await mkdir(pictures);
  for (const name of ['dog', 'fish', 'bus', 'pizza', 'lock'])
    await copyFile(picture(name), join(pictures, `${name}.png`));
  await writeFile(join(pictures, 'broken.png'), 'none');
  expect((await cli(['index', pictures, '-o', file])).status).toBe(3);
});
afterAll(() => rm(folder, { recursive: true }));

/** A store that is closed at the end of its scope. */
const closing = (store: VectorStore): AsyncDisposable & { store: VectorStore } => ({
  store,
  [Symbol.asyncDispose]: () => store.close(),
});

/** What a search finds, by id. */
async function scores(index: string, k = '10'): Promise<Map<unknown, number>> {
  const { status, err, json } = await cli(['search', index, 'a dog', '-k', k, '--json']);
  expect([status, err]).toEqual([0, '']);
  return new Map(json().map(({ id, score }) => [id, score as number]));
}

describe('--to', () => {
  it('alone fills a database, keeps what is there, takes nothing out; search finds the same as in the file', async () => {
    const database = `pglite:${join(folder, 'alone')}`;
    // Open all the while, so that PostgreSQL is started once.
    await using keeper = closing(await open_store(database, { dimensions: 1, table: 'keeper' }));
    expect(await keeper.store.size()).toBe(0);
    const run = (...args: string[]): ReturnType<typeof cli> =>
      cli(['index', pictures, '--to', database, '--json', ...args]);
    const first = await run('--shard', '1/2');
    const second = await run();
    const embedded = first.json().at(-1)!['embedded'] as number;
    expect(second.status).toBe(3);
    expect(second.json().at(-1)).toEqual({
      output: database,
      pictures: 5,
      embedded: 5 - embedded,
      kept: embedded,
      removed: 0,
      failed: 1,
    });
    const [found, expected] = [await scores(database), await scores(file)];
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [id, score] of expected) expect(Math.abs(found.get(id)! - score)).toBeLessThan(1e-6);
    await rm(join(pictures, 'lock.png'));
    await copyFile(picture('trophy'), join(pictures, 'bus.png'));
    expect((await run()).json().at(-1)).toMatchObject({ pictures: 5, embedded: 1, kept: 3, removed: 0 });
    const html = join(folder, 'sheet.html');
    expect((await cli(['search', database, 'a dog', '--html', html])).status).toBe(0);
  });

  it('with -o puts into the database what the file has, and takes out what went', async () => {
    const database = `pglite:${join(folder, 'both')}`;
    const output = join(folder, 'both.safetensors');
    const run = async (): Promise<object> =>
      (await cli(['index', pictures, '-o', output, '--to', database, '--json'])).json().at(-1)!;
    expect(await run()).toMatchObject({ pictures: 4, embedded: 4 });
    await rm(join(pictures, 'fish.png'));
    expect(await run()).toMatchObject({ pictures: 3, kept: 3, removed: 1 });
    expect([...(await scores(database)).keys()]).toEqual([...(await scores(output)).keys()]);
  });

  it('with -o refuses rounded embeddings, asked for or of an earlier run', async () => {
    const database = `pglite:${join(folder, 'rounded')}`;
    const output = join(folder, 'rounded.safetensors');
    const refuse = async (...args: string[]): Promise<void> => {
      const { status, out, err } = await cli(['index', pictures, '-o', output, '--to', database, ...args]);
      expect([status, out]).toEqual([1, '']);
      expect(err).toMatch(/rounded\.safetensors has dtype "int8".*rounded/);
    };
    await refuse('--dtype', 'int8');
    expect((await cli(['index', pictures, '-o', output, '--dtype', 'int8'])).status).toBe(3);
    await refuse();
  });

  it('lets processes fill one PostgreSQL at once, one of them killed on the way', async () => {
    const many = join(folder, 'many');
    const names = picture_names(30);
    await write_pictures(many, names);
    const whole = join(folder, 'many.safetensors');
    expect((await cli(['index', many, '-o', whole])).status).toBe(0);
    const server = await start_postgres();
    try {
      const url = await server.database('pictures');
      const run = (i: number): Started => start(['index', many, '--to', url, '--shard', `${i}/3`, '--json']);
      const killed = run(0);
      const others = [run(1), run(2)];
      await sleep(700);
      killed.child.kill('SIGKILL');
      for (const { ended } of others) expect(await ended).toMatchObject({ status: 0, err: '' });
      const { status, out, err } = await run(0).ended;
      expect([status, err]).toEqual([0, '']);
      expect(JSON.parse(out)).toMatchObject({
        output: expect.not.stringContaining('@') as string,
        pictures: 30,
      });
      const [found, expected] = [await scores(url, '30'), await scores(whole, '30')];
      expect(expected.size).toBe(30);
      expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
      for (const [id, score] of expected) expect(Math.abs(found.get(id)! - score)).toBeLessThan(1e-6);
    } finally {
      await server.stop();
    }
  });

  it('fails with the reason where there is no such database', async () => {
    for (const args of [
      ['index', pictures, '--to', 'mysql://x'],
      ['search', `pglite:${join(folder, 'nothing')}`, 'a dog'],
    ]) {
      const { status, out, err } = await cli(args);
      expect([status, out]).toEqual([1, '']);
      expect(err).toMatch(/^align-wasm: .{10}/);
    }
  });
});
