// The bytes of a picture's file, from wherever they are, and what kind of file they are.

import { platform } from '#platform';
import { unless_aborted } from '../abort.ts';
import { bytes_of } from '../bytes.ts';
import { AlignError, out_of_memory, show, throw_if_aborted } from '../errors.ts';
import { stream_bytes, too_large } from '../stream.ts';

/** Where a picture's file may be. */
export type ImageSource =
  string | URL | Uint8Array | ArrayBuffer | Blob | Response | ReadableStream<Uint8Array>;

/** More bytes than any picture within the limit of pixels needs; a stream is cut off here. */
export const MAX_IMAGE_BYTES: number = 64 * 2 ** 20;

/** How messages call it. */
const FILE = "The picture's file";

/**
 * Bytes of a picture's file, a copy: what the caller does with his own meanwhile does not matter.
 * @throws AlignError `not_found`, `network`, `too_large`, `corrupt_image`, `invalid_argument`, `aborted`
 */
export async function image_bytes(source: ImageSource, signal?: AbortSignal): Promise<Uint8Array> {
  throw_if_aborted(signal);
  const bytes = await read(source, signal).catch((cause: unknown) => {
    throw_if_aborted(signal);
    if (cause instanceof AlignError || out_of_memory(cause)) throw cause;
    throw new AlignError('invalid_argument', `${FILE} cannot be read: ${String(cause)}`, { cause });
  });
  throw_if_aborted(signal);
  check_size(bytes.length);
  if (bytes.length === 0) throw new AlignError('corrupt_image', 'The picture has no bytes');
  return bytes;
}

async function read(source: ImageSource, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (typeof source === 'string' || source instanceof URL) return fetched(source, signal);
  if (source instanceof Blob) {
    check_size(source.size);
    // A file that has changed or is gone since it was chosen.
    const bytes = await unless_aborted(source.arrayBuffer(), signal).catch((cause: unknown) => {
      if (cause instanceof DOMException)
        throw new AlignError('not_found', `${FILE} cannot be read: ${String(cause)}`, { cause });
      throw cause;
    });
    return new Uint8Array(bytes);
  }
  if (source instanceof Response) {
    if (!source.ok) throw new AlignError('network', `The picture's response is HTTP ${source.status}`);
    if (source.bodyUsed) throw read_before('response');
    return source.body === null ? new Uint8Array(0) : streamed(source.body, 'response', signal);
  }
  if (source instanceof ReadableStream) return streamed(source, 'stream', signal);
  const bytes = bytes_of(source)!;
  check_size(bytes.length);
  return bytes.slice();
}

/** The bytes at a path or behind a URL. */
async function fetched(location: string | URL, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (location === '') throw new AlignError('invalid_argument', "The picture's path is empty");
  return unless_aborted(platform.fetch_bytes(location, MAX_IMAGE_BYTES, { signal }), signal);
}

function streamed(
  stream: ReadableStream<Uint8Array>,
  what: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (stream.locked) throw read_before(what);
  return stream_bytes(FILE, stream, MAX_IMAGE_BYTES, signal);
}

function read_before(what: string): AlignError {
  return new AlignError('invalid_argument', `The picture's ${what} has a reader already`, {
    hint: 'it can be read only once: give each call one of its own, or its bytes',
  });
}

function check_size(size: number): void {
  if (size > MAX_IMAGE_BYTES) throw too_large(FILE, MAX_IMAGE_BYTES);
}

const KINDS: readonly (readonly [string, number, string])[] = [
  ['GIF', 0, 'GIF8'],
  ['BMP', 0, 'BM'],
  ['TIFF', 0, 'II*\0'],
  ['TIFF', 0, 'MM\0*'],
  ['AVIF or HEIC', 4, 'ftyp'],
  ['JPEG XL', 0, '\xff\x0a'],
  ['SVG', 0, '<svg'],
  ['SVG', 0, '<?xml'],
];

/** The refusal of a file of another kind, by the kind that its first bytes show. */
export function other_kind(bytes: Uint8Array): AlignError {
  const kind = KINDS.find(([, at, magic]) =>
    Array.from(magic).every((letter, i) => bytes[at + i] === letter.charCodeAt(0)),
  )?.[0];
  if (kind === undefined && bytes[0] === 0x89)
    return new AlignError('corrupt_image', 'The PNG is damaged: its signature is wrong');
  return new AlignError(
    'unsupported_image',
    kind === undefined
      ? `The picture is of no known kind (it begins with the bytes ${show([...bytes.subarray(0, 8)])})`
      : `The picture is a ${kind} file; this version reads PNG, JPEG and WebP`,
    {
      detail: { kind: kind ?? null },
      hint: 'convert it to PNG, or pass its samples as { data, width, height, channels }',
    },
  );
}
