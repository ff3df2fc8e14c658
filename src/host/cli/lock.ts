// One process at a time on one output: a file beside it names the holder. A holder that was killed cannot take its file
// away, so a lock whose process is gone is taken over.

import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { kill, pid } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { AlignError } from '../errors.ts';
import { check_regular, make_folders } from '../platform/node_files.ts';

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the kernel's ticks; null where that is not told. Process numbers are used again. */
  readonly started: string | null;
}

// The locks of this process: its own number would otherwise look like one that was used again.
const held = new Set<string>();

// A lock is created and then filled; one that stays empty for this long was left by a process killed in between.
const EMPTY_MS = 1000;
const POLL_MS = 50;

/**
 * Runs `work` while `file` says that this process holds it.
 * @throws AlignError `invalid_argument` when a living process holds it
 */
export async function locked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const mine = JSON.stringify({ pid, host: hostname(), started: (await life_of(pid))?.started ?? null });
  if (held.has(file)) throw taken(file, JSON.parse(mine) as Holder);
  held.add(file);
  try {
    while (!(await create(file, mine))) {
      const text = await content(file);
      if (text === null) continue;
      const holder = parsed(text);
      if (holder !== null && (await lives(holder))) throw taken(file, holder);
      await discard(file, text);
    }
    try {
      return await work();
    } finally {
      await rm(file, { force: true });
    }
  } finally {
    held.delete(file);
  }
}

/** Whether there was no such file, and now there is. */
async function create(file: string, text: string): Promise<boolean> {
  try {
    await make_folders(dirname(file));
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw unwritable(file, error);
  }
}

/** For what lies beside the index. */
export function unwritable(file: string, cause: unknown): AlignError {
  return new AlignError('invalid_argument', `${file} cannot be written: ${(cause as Error).message}`, {
    hint: 'the index needs a folder that can be written',
    cause,
  });
}

/** What the lock says, once it says something that can be read; null when it is gone. */
async function content(file: string): Promise<string | null> {
  for (let waited = 0; ; waited += POLL_MS) {
    const text = await read_lock(file);
    if (text === null || parsed(text) !== null || waited >= EMPTY_MS) return text;
    await sleep(POLL_MS);
  }
}

async function read_lock(file: string): Promise<string | null> {
  try {
    check_regular(file, await stat(file), 'invalid_argument');
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error instanceof AlignError ? error : unwritable(file, error);
  }
}

/** Takes away the lock that said `text`. One that another process has put there since is put back. */
async function discard(file: string, text: string): Promise<void> {
  const aside = `${file}.${pid}`;
  try {
    await rename(file, aside);
    if ((await readFile(aside, 'utf8')) !== text) await link(aside, file).catch(() => undefined);
    await rm(aside, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // somebody else was faster
  }
}

function parsed(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return Number.isSafeInteger(holder?.pid) && typeof holder?.host === 'string' ? (holder as Holder) : null;
  } catch {
    return null;
  }
}

async function lives(holder: Holder): Promise<boolean> {
  // Nobody can see from here whether a process of another machine lives.
  if (holder.host !== hostname()) return true;
  if (holder.pid === pid) return false;
  try {
    kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const life = await life_of(holder.pid);
  return life === null || (life.state !== 'Z' && (holder.started ?? life.started) === life.started);
}

/** State and start of a process, where /proc tells: its name, which may have spaces, stands in parentheses before them. */
async function life_of(process: number): Promise<{ state: string; started: string } | null> {
  const stat = await readFile(`/proc/${process}/stat`, 'utf8').catch(() => null);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? null : { state: fields[0]!, started: fields[19]! };
}

function taken(file: string, { pid: process, host }: Holder): AlignError {
  const output = file.replace(/\.lock$/, '');
  return new AlignError('invalid_argument', `${output} is being written by process ${process} on ${host}`, {
    hint: `wait for it, or name another output; if it no longer runs, delete ${file}`,
  });
}
