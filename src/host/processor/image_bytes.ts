// The bytes of a picture's file, from wherever they are, and what kind of file they are.

import { platform } from '#platform';
import { body_bytes } from '../checkpoint/body.ts';
import { stream_bytes } from '../stream.ts';
import { AlignError, show, throw_if_aborted } from '../errors.ts';

/** Where a picture's file may be. */
export type ImageSource =
  string | URL | Uint8Array | ArrayBuffer | Blob | Response | ReadableStream<Uint8Array>;

/** More bytes than any picture within the limit of pixels needs; a stream is cut off here. */
export const MAX_IMAGE_BYTES: number = 64 * 2 ** 20;

/** Bytes of a picture's file. @throws AlignError `not_found`, `network`, `too_large`, `aborted`, `invalid_argument`. */
export async function image_bytes(source: ImageSource, signal?: AbortSignal): Promise<Uint8Array> {
  throw_if_aborted(signal);
  const bytes = await read(source, signal);
  throw_if_aborted(signal);
  check_size(bytes.length);
  if (bytes.length === 0) throw new AlignError('corrupt_image', 'The picture has no bytes');
  return bytes;
}

async function read(source: ImageSource, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (typeof source === 'string' || source instanceof URL)
    return platform.fetch_bytes(source, MAX_IMAGE_BYTES, { signal });
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) {
    check_size(source.size);
    return new Uint8Array(await source.arrayBuffer());
  }
  if (source instanceof Response) {
    if (!source.ok) throw new AlignError('network', `The picture's response is HTTP ${source.status}`);
    return body_bytes(source, MAX_IMAGE_BYTES, { signal });
  }
  return stream_bytes('The picture', source, MAX_IMAGE_BYTES, signal);
}

function check_size(size: number): void {
  if (size > MAX_IMAGE_BYTES)
    throw new AlignError('too_large', `The picture's file has more than ${MAX_IMAGE_BYTES} bytes`, {
      detail: { size },
    });
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
