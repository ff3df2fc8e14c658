// What a command works on: pictures from files, folders and standard input; lines of labels and texts.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MAX_TEXT_BYTES } from '../checkpoint/json.ts';
import { AlignError } from '../errors.ts';
import { read_file } from '../platform/node_files.ts';
import { MAX_IMAGE_BYTES } from '../processor/image_bytes.ts';
import { is_interruption, UsageError, type Io } from './io.ts';

/** A picture to be read when its turn comes, or the reason why there is none. */
export interface Picture {
  /** As the user named it; "-" is standard input. */
  readonly name: string;
  readonly input: () => Promise<URL | Uint8Array>;
}

/** File names that a folder's pictures have. */
export const PICTURE: RegExp = /\.(png|jpe?g|webp)$/i;

/** The pictures behind the arguments: a folder stands for the pictures in it, in the order of their names. */
export async function pictures_of(args: readonly string[], io: Io): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (const name of args) {
    if (name === '-') {
      pictures.push({ name, input: () => io.stdin() });
    } else if (/^https?:\/\//i.test(name)) {
      pictures.push({ name, input: () => Promise.resolve(new URL(name)) });
    } else if (await is_folder(name)) {
      const files = (await readdir(name)).filter((file) => PICTURE.test(file)).sort();
      for (const file of files) pictures.push(found(join(name, file)));
      if (files.length === 0) pictures.push(nothing(name));
    } else {
      pictures.push(local(name));
    }
  }
  return pictures;
}

// As a URL, because a file's name may look like one ("a:b.png").
function local(name: string): Picture {
  return { name, input: () => Promise.resolve(pathToFileURL(resolve(name))) };
}

// Nobody has named it: it may be anything that lies in a folder.
function found(name: string): Picture {
  return { name, input: () => read_picture(name) };
}

function nothing(name: string): Picture {
  return {
    name,
    input: () =>
      Promise.reject(
        new AlignError('not_found', `the folder ${name} has no pictures (.png, .jpg, .jpeg, .webp)`),
      ),
  };
}

/** A picture's bytes; what is no file, or too large, is not read. */
export async function read_picture(path: string): Promise<Uint8Array> {
  const failure = (cause: unknown): never => {
    throw new AlignError('not_found', `the file cannot be read: ${(cause as Error).message}`, { cause });
  };
  const file = await stat(path).catch(failure);
  if (!file.isFile()) throw new AlignError('not_found', 'this is no regular file');
  if (file.size > MAX_IMAGE_BYTES)
    throw new AlignError('too_large', `the file has ${file.size} bytes, the limit is ${MAX_IMAGE_BYTES}`);
  return readFile(path).catch(failure);
}

async function is_folder(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
}

/** The lines of a file ("-": standard input), without blank ones and spaces at the ends. @throws UsageError, which names `argument` */
export async function lines_of(path: string, argument: string, io: Io): Promise<string[]> {
  const bytes =
    path === '-'
      ? await io.stdin()
      : await read_file(path, MAX_TEXT_BYTES, io.signal).catch((error: unknown) => {
          if (is_interruption(error)) throw error;
          throw new UsageError(`${argument} ${(error as Error).message}`);
        });
  return pieces(new TextDecoder().decode(bytes).replace(/^\ufeff/, ''), /\r?\n/);
}

/** The parts of a text between separators, without blank ones and spaces at the ends. */
export function pieces(text: string, separator: string | RegExp): string[] {
  return text
    .split(separator)
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '');
}

/** Refuses a command line that reads standard input twice: the second reader would find it empty. @throws UsageError */
export function check_stdin(values: readonly (string | undefined)[]): void {
  if (values.filter((value) => value === '-').length > 1)
    throw new UsageError('standard input (-) can be read only once');
}
