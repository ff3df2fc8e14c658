// What both Workers share.

import { AlignError } from 'align-wasm';

/** Goes into the database with every embedding. Another model needs another name, and every picture embedded again. */
export const MODEL = 'align-icons';

/** Bytes of a picture's file. A Worker has 128 MB, and its pixels come on top. */
export const MAX_BYTES = 8 * 2 ** 20;

/** `make` called once, and again only after it failed. It must do no I/O: what it gives is kept from request to request. */
export function once(make) {
  let made;
  return () =>
    (made ??= make().catch((error) => {
      made = undefined;
      throw error;
    }));
}

/** The body of a request, once its size is known to be bearable. */
export async function read_body(request) {
  check_size(Number(request.headers.get('content-length') ?? NaN));
  const bytes = new Uint8Array(await request.arrayBuffer());
  check_size(bytes.length);
  return bytes;
}

export function check_size(bytes) {
  if (Number.isNaN(bytes)) throw new AlignError('invalid_argument', 'The request has no Content-Length');
  if (bytes === 0) throw new AlignError('invalid_argument', 'The picture is empty: send the bytes of a file');
  if (bytes > MAX_BYTES)
    throw new AlignError('too_large', `The picture has ${bytes} bytes, the limit is ${MAX_BYTES}`);
}

const STATUS = {
  invalid_argument: 400,
  not_found: 404,
  too_large: 413,
  corrupt_image: 422,
  unsupported_image: 415,
  limit_exceeded: 413,
};

/** Any error as JSON: AlignError's code and message; of others only that they happened, the log has the rest. */
export function failed(error) {
  if (error instanceof AlignError) {
    const { code, message } = error;
    return Response.json({ error: { code, message } }, { status: STATUS[code] ?? 500 });
  }
  console.error(error);
  return Response.json({ error: { code: 'internal', message: 'Something went wrong' } }, { status: 500 });
}
