// The file system in Node, Deno and Bun.

import { randomInt } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { mkdir, open, readlink, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { arrayBuffer } from 'node:stream/consumers';
import { unless_aborted } from '../abort.ts';
import { too_large } from '../stream.ts';
import { check_range, type ByteSource } from '../checkpoint/source.ts';
import { AlignError, out_of_memory, throw_if_aborted, type AlignErrorCode } from '../errors.ts';

/** null for what is not there. @throws AlignError `not_found` for what must not be looked at. */
function nothing_there(path: string, cause: unknown): null {
  const { code, name } = cause as { code?: unknown; name?: unknown };
  if (code !== 'EACCES' && code !== 'EPERM' && name !== 'NotCapable') return null;
  throw new AlignError('not_found', `${path} must not be read: ${String(cause)}`, { cause });
}

export async function path_kind(path: string): Promise<'file' | 'folder' | null> {
  return stat(path).then(
    (s) => (s.isDirectory() ? 'folder' : 'file'),
    (cause: unknown) => nothing_there(path, cause),
  );
}

/** @throws AlignError `code` for a folder, and for a pipe or a device, which has no length and need never end */
export function check_regular(path: string, stats: Stats, code: AlignErrorCode): void {
  if (!stats.isFile())
    throw new AlignError(code, `${path} is ${stats.isDirectory() ? 'a folder' : 'no regular file'}`);
}

/** A file as a byte source. A pipe would keep who opens it waiting for somebody who writes. @throws AlignError `not_found` */
export async function open_file(path: string): Promise<ByteSource> {
  const failed = (cause: unknown): never => {
    throw new AlignError('not_found', `${path} cannot be opened: ${(cause as Error).message}`, { cause });
  };
  check_regular(path, await stat(path).catch(failed), 'not_found');
  const handle = await open(path, 'r').catch(failed);
  const { size } = await handle.stat().catch(async (cause: unknown) => {
    await handle.close();
    return failed(cause);
  });
  const source: ByteSource = {
    name: path,
    size,
    async read(start, end) {
      check_range(source, start, end);
      const bytes = new Uint8Array(end - start);
      await source.read_into!(start, bytes);
      return bytes;
    },
    async read_into(start, target) {
      check_range(source, start, start + target.length);
      for (let done = 0; done < target.length;) {
        const { bytesRead } = await handle.read(target, done, target.length - done, start + done);
        if (bytesRead === 0)
          throw new AlignError('corrupt_checkpoint', `${path} became shorter while it was read`);
        done += bytesRead;
      }
    },
    close: () => handle.close(),
  };
  return source;
}

/** What can be read from a path, a pipe or a device among it, as standard input may be. @throws AlignError `not_found`, `too_large`, `aborted` */
export async function read_file(
  path: string,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: ArrayBuffer;
  try {
    const stream = createReadStream(path, { end: limit, highWaterMark: 2 ** 20, ...(signal && { signal }) });
    bytes = await unless_aborted(arrayBuffer(stream), signal);
  } catch (cause) {
    throw_if_aborted(signal);
    throw (
      out_of_memory(cause) ??
      new AlignError('not_found', `${path} cannot be read: ${(cause as Error).message}`, { cause })
    );
  }
  if (bytes.byteLength > limit) throw too_large(path, limit);
  return new Uint8Array(bytes);
}

/** Makes a folder and those above it. Node's own `recursive` never ends below /proc. */
export async function make_folders(folder: string, above = true): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'EEXIST' || (await path_kind(folder).catch(() => null)) === 'folder') return;
    const parent = dirname(folder);
    if (code !== 'ENOENT' || !above || parent === folder) throw error;
    await make_folders(parent);
    await make_folders(folder, false);
  }
}

/** Where what is written to `path` goes: to the file that it links to, also where there is none yet. @throws AlignError `invalid_argument` */
async function behind_links(path: string, links = 40): Promise<string> {
  const stats = await stat(path).catch(() => null);
  if (stats !== null) check_regular(path, stats, 'invalid_argument');
  const link = await readlink(path).catch(() => null);
  if (link === null) return path;
  if (links === 0) throw new Error('too many links');
  return behind_links(resolve(await realpath(dirname(path)), link), links - 1);
}

/** Writes a file whole or not at all, and the folders above it. @throws AlignError `invalid_argument` */
export async function write_file(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  let temporary: string | undefined;
  try {
    const place = await behind_links(path);
    await make_folders(dirname(place));
    // No other writer's: several of this process, of threads of it too, may write to one path at once.
    temporary = `${place}.${randomInt(2 ** 47)}.partial`;
    await writeFile(temporary, Readable.from(chunks));
    await rename(temporary, place);
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => undefined);
    if (cause instanceof AlignError) throw cause;
    throw (
      out_of_memory(cause) ??
      new AlignError('invalid_argument', `${path} cannot be written: ${(cause as Error).message}`, { cause })
    );
  }
}
