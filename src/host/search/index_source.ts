// Where the file of an index may be.

import { platform } from '#platform';
import { MAX_FILE_BYTES } from '../checkpoint/body.ts';
import { borrowed_source, is_source } from '../checkpoint/model_files.ts';
import { blob_source, bytes_source, file_path, type ByteSource } from '../checkpoint/source.ts';
import { AlignError, show } from '../errors.ts';

/** What an index may be loaded from; a string is a path or a URL. */
export type IndexSource = string | URL | Blob | Uint8Array | ArrayBuffer | ByteSource;

/** The path that a string or a file: URL is. @throws AlignError `invalid_argument` */
export function local_path(what: string, path: string | URL): string {
  if (typeof path === 'string' && path !== '' && !path.startsWith('file:')) return path;
  const url =
    path instanceof URL ? path : typeof path === 'string' && URL.canParse(path) ? new URL(path) : null;
  if (url?.protocol !== 'file:')
    throw new AlignError('invalid_argument', `${what}: ${show(path)} is not the path of a file`);
  return file_path(url);
}

/** The bytes of an index. @throws AlignError `invalid_argument`, `not_found`, `network` */
export async function open_source(from: IndexSource): Promise<ByteSource> {
  if (from instanceof Uint8Array || from instanceof ArrayBuffer) return bytes_source('the index', from);
  if (from instanceof Blob) return blob_source('the index', from);
  if (typeof from !== 'string' && !(from instanceof URL)) {
    if (typeof from === 'object' && (from as unknown) !== null && is_source(from))
      return { ...borrowed_source('the index', from), close: async () => from.close?.() };
    throw new AlignError(
      'invalid_argument',
      `An index is loaded from a path, a URL, a Blob or bytes, not from ${show(from)}`,
    );
  }
  if (/^(?!file:)[a-z][a-z0-9+.-]+:/i.test(String(from)))
    return bytes_source(String(from), await platform.fetch_bytes(from, MAX_FILE_BYTES));
  return platform.open(local_path('load', from));
}
