// Writes a safetensors file as a stream: the header first, then each tensor's bytes as they come, so that a model is
// saved without a second copy of it in memory.

import { AlignError, show } from '../errors.ts';
import { parse_header } from './header.ts';
import { dtype_bytes, DTYPES, MAX_HEADER_BYTES, type Dtype } from './safetensors.ts';

/** A tensor to store. `bytes` gives its row-major little-endian bytes in pieces of any size. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * The file in pieces, tensors in the order of the format's own writers: widest type first, then by name. The metadata
 * has `format: "pt"`, without which transformers refuses a file.
 * @throws AlignError `invalid_argument` (a header that cannot be read back: two equal names, an impossible shape …),
 *   `shape_mismatch` (a tensor gives more or fewer bytes than its shape takes).
 */
export async function* safetensors_chunks(
  tensors: Iterable<StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const ordered = [...tensors].sort(
    (a, b) => DTYPES.indexOf(b.dtype) - DTYPES.indexOf(a.dtype) || (a.name < b.name ? -1 : 1),
  );
  yield* ordered_chunks(ordered, { format: 'pt', ...metadata }, 8);
}

/** The same in the order given and with `metadata` alone; the data begins at a multiple of `alignment`. @throws AlignError as {@link safetensors_chunks} */
export async function* ordered_chunks(
  tensors: readonly StoredTensor[],
  metadata: Readonly<Record<string, string>>,
  alignment: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield file_header(tensors, metadata, alignment);
  for (const tensor of tensors) {
    const size = byte_size(tensor);
    let written = 0;
    for await (const chunk of tensor.bytes()) {
      written += chunk.length;
      if (written > size) break;
      yield chunk;
    }
    if (written !== size)
      throw new AlignError(
        'shape_mismatch',
        `tensor ${show(tensor.name)}: ${tensor.dtype} ${show(tensor.shape)} takes ${size} bytes, ${written > size ? 'more' : written} came`,
        { detail: { tensor: tensor.name, size, written } },
      );
  }
}

function byte_size({ dtype, shape }: Omit<StoredTensor, 'bytes'>): number {
  return shape.reduce((bytes, dim) => bytes * dim, dtype_bytes(dtype));
}

/** Length and JSON, padded with spaces so that the data begins at a multiple of `alignment`. @throws AlignError `invalid_argument` */
export function file_header(
  tensors: readonly Omit<StoredTensor, 'bytes'>[],
  metadata: Readonly<Record<string, string>>,
  alignment: number,
): Uint8Array {
  let end = 0;
  const members = tensors.map((tensor) => {
    const begin = end;
    end += byte_size(tensor);
    const info = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, end] };
    return `${JSON.stringify(tensor.name)}:${JSON.stringify(info)}`;
  });
  const json = new TextEncoder().encode(
    `{${[`"__metadata__":${JSON.stringify(metadata)}`, ...members].join(',')}}`,
  );
  const length = Math.ceil((8 + json.length) / alignment) * alignment - 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  bytes.set(json, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  // What the reader would refuse must not be written.
  try {
    parse_header('the new file', json);
  } catch (cause) {
    throw new AlignError('invalid_argument', `These tensors cannot be stored: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (length > MAX_HEADER_BYTES)
    throw new AlignError('invalid_argument', `A header of ${length} bytes, the limit is ${MAX_HEADER_BYTES}`);
  return bytes;
}
