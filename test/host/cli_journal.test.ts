// The journal and the lock of `align-wasm index`: what survives damage, and who may write.

import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Journal } from '../../src/host/cli/journal.ts';
import { locked } from '../../src/host/cli/lock.ts';
import type { EmbeddedPicture } from '../../src/host/cli/target.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-wasm-'));
});
afterAll(() => rm(folder, { recursive: true }));

const HEADER = { format: 'test', model: 'm' };
const RECORDS: readonly EmbeddedPicture[] = ['a', 'b\n"ü', 'c'].map((id, i) => ({
  id,
  meta: { path: `x/${id}`, bytes: i },
  embedding: Float32Array.of(i, -0, 1 / 3, 1e-40),
}));

/** Opens a journal and gives what was in it. */
async function replayed(
  file: string,
  header = HEADER,
): Promise<{ journal: Journal; found: EmbeddedPicture[] }> {
  const found: EmbeddedPicture[] = [];
  const journal = await Journal.open(file, header, (record) => found.push(record));
  return { journal, found };
}

describe('the journal', () => {
  it('gives back what was put in, to the bit, and takes more', async () => {
    const file = join(folder, 'whole.journal');
    const first = await replayed(file);
    expect(first.found).toEqual([]);
    await first.journal.append(RECORDS.slice(0, 2));
    await first.journal.close();
    const second = await replayed(file);
    expect(second.found).toEqual(RECORDS.slice(0, 2));
    await second.journal.append(RECORDS.slice(2));
    await second.journal.close();
    const third = await replayed(file);
    expect(third.found).toEqual(RECORDS);
    await third.journal.remove();
    expect(await readdir(folder)).not.toContain('whole.journal');
  });

  it('cut off anywhere, or with any byte changed, keeps the whole records before that and goes on', async () => {
    const file = join(folder, 'cut.journal');
    const { journal } = await replayed(file);
    await journal.append(RECORDS);
    await journal.close();
    const bytes = await readFile(file);
    const ends = [...bytes.entries()].flatMap(([at, byte]) => (byte === 10 ? [at + 1] : []));
    expect(ends).toHaveLength(4);
    for (let at = 0; at < bytes.length; at++) {
      const intact = ends.filter((end) => end <= at).length;
      for (const damage of ['cut', 'changed']) {
        const damaged = Buffer.from(damage === 'cut' ? bytes.subarray(0, at) : bytes);
        if (damage === 'changed') damaged[at]! ^= 1;
        // A journal whose first line is another is not ours to write over.
        const header_changed = damage === 'changed' && intact === 0;
        await writeFile(file, damaged);
        if (header_changed) {
          await expect(replayed(file)).rejects.toMatchObject({ code: 'corrupt_index' });
          continue;
        }
        const again = await replayed(file);
        expect(again.found).toEqual(RECORDS.slice(0, Math.max(0, intact - 1)));
        await again.journal.append(RECORDS.slice(Math.max(0, intact - 1)));
        await again.journal.close();
        expect((await readFile(file)).equals(bytes)).toBe(true);
      }
    }
  });

  it('of another model is refused, and stays', async () => {
    const file = join(folder, 'other.journal');
    const { journal } = await replayed(file);
    await journal.append(RECORDS);
    await journal.close();
    const bytes = await readFile(file);
    await expect(replayed(file, { ...HEADER, model: 'n' })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('begun with another model') as string,
    });
    expect((await readFile(file)).equals(bytes)).toBe(true);
  });
});

describe('the lock', () => {
  const stale = (holder: object): string =>
    JSON.stringify({ pid: 1, host: hostname(), started: null, ...holder });

  it('lets one in at a time, in one process too, and is gone afterwards', async () => {
    const file = join(folder, 'one.lock');
    await locked(file, async () => {
      await expect(locked(file, () => Promise.resolve())).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('is being written by process') as string,
      });
    });
    await expect(locked(file, () => Promise.reject(new Error('work failed')))).rejects.toThrow('work failed');
    expect(await locked(file, () => Promise.resolve('in'))).toBe('in');
    expect((await readdir(folder)).filter((name) => name.startsWith('one.lock'))).toEqual([]);
  });

  it('of a living process holds; of a killed one, or of a process whose number is used again, it does not', async () => {
    const file = join(folder, 'process.lock');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
    const pid = child.pid!;
    await writeFile(file, stale({ pid }));
    await expect(locked(file, () => Promise.resolve())).rejects.toThrow(`process ${pid}`);
    await writeFile(file, stale({ pid, started: '1' }));
    expect(await locked(file, () => Promise.resolve('in'))).toBe('in');
    await writeFile(file, stale({ pid }));
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(await locked(file, () => Promise.resolve('in'))).toBe('in');
    await writeFile(file, stale({ pid: process.pid }));
    expect(await locked(file, () => Promise.resolve('in'))).toBe('in');
  });

  it('of another machine holds, and says what to do', async () => {
    const file = join(folder, 'machine.lock');
    await writeFile(file, stale({ host: 'another' }));
    await expect(locked(file, () => Promise.resolve())).rejects.toThrow(
      /process 1 on another.*delete .*machine\.lock/,
    );
  });

  it('that says nothing is waited for, then taken', async () => {
    const file = join(folder, 'empty.lock');
    await writeFile(file, '');
    const entered = locked(file, () => Promise.resolve('in'));
    await sleep(100);
    await writeFile(file, stale({ host: 'another' }));
    await expect(entered).rejects.toThrow('on another');
    await writeFile(file, '');
    expect(await locked(file, () => Promise.resolve('in'))).toBe('in');
  });
});
