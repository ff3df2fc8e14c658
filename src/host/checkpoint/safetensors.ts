// A safetensors file: 8 bytes of header length (u64, little endian), the JSON header, then the tensors' bytes without
// a gap. Every rule of the format is checked before a tensor is read, so that a range can be trusted afterwards.

import { AlignError, show } from '../errors.ts';
import { corrupt, parse_header, type HeaderEntry } from './header.ts';
import type { ByteSource } from './source.ts';

/**
 * Bytes an element takes, in the format's own order of types (which is also the order of tensors in a file as its
 * writers make it, last type first). The 4- and 6-bit types share bytes between elements; no ALIGN model has them.
 */
const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  C64: 8,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

/** Element type of a stored tensor. */
export type Dtype = keyof typeof DTYPE_BYTES;

/** Every element type, in the format's order. */
export const DTYPES: readonly Dtype[] = Object.keys(DTYPE_BYTES) as Dtype[];

/** Bytes an element of `dtype` takes. */
export function dtype_bytes(dtype: Dtype): number {
  return DTYPE_BYTES[dtype];
}

/** A tensor's place: `start` … `end` are absolute byte positions in the file; the bytes are row-major, little endian. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** The format allows 100 MB, which parses into gigabytes; the header of align-base has 150 KB. */
export const MAX_HEADER_BYTES: number = 16 * 2 ** 20;

/** "version ", the beginning of what a clone without Git LFS has in the place of weights. */
const LFS_POINTER = 0x206e_6f69_7372_6576n;

/** An open safetensors file of which only the header has been read. */
export class SafetensorsFile {
  readonly source: ByteSource;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;

  private constructor(
    source: ByteSource,
    tensors: ReadonlyMap<string, TensorInfo>,
    metadata: ReadonlyMap<string, string>,
  ) {
    this.source = source;
    this.tensors = tensors;
    this.metadata = metadata;
  }

  /** @throws AlignError `corrupt_checkpoint` for anything the format does not allow. */
  static async open(source: ByteSource, signal?: AbortSignal): Promise<SafetensorsFile> {
    const { name: file, size } = source;
    if (size < 8)
      throw corrupt(file, `a safetensors file has at least 8 bytes, this one has ${size}`, { size });
    const prefix = await source.read(0, 8, signal);
    // As a BigInt: 2^64 - 8 must not wrap or round into a length that fits.
    const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
    if (length === LFS_POINTER)
      throw corrupt(file, 'a Git LFS pointer, not the file it points to; get that with "git lfs pull"');
    if (length > BigInt(MAX_HEADER_BYTES))
      throw corrupt(file, `a header of ${length.toString()} bytes, the limit is ${MAX_HEADER_BYTES}`, {
        value: length,
      });
    const data_start = 8 + Number(length);
    if (data_start > size)
      throw corrupt(file, `a header of ${length.toString()} bytes does not fit a file of ${size}`, {
        value: length,
      });
    const { entries, metadata } = parse_header(file, await source.read(8, data_start, signal));
    return new SafetensorsFile(source, place(file, entries, data_start, size), metadata);
  }

  /** All bytes of a tensor. @throws AlignError `missing_tensor`. */
  async read(name: string, signal?: AbortSignal): Promise<Uint8Array> {
    const info = this.tensors.get(name);
    if (info === undefined)
      throw new AlignError('missing_tensor', `${this.source.name} has no tensor ${show(name)}`, {
        detail: { file: this.source.name, tensor: name },
      });
    return this.source.read(info.start, info.end, signal);
  }
}

/** Checks types, sizes and that the tensors fill the data exactly: no hole, no overlap, nothing behind the last. */
function place(
  file: string,
  entries: readonly HeaderEntry[],
  data_start: number,
  size: number,
): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const fail = (problem: string, value: unknown): never => {
      throw corrupt(file, `tensor ${show(name)}: ${problem}`, { tensor: name, value });
    };
    if (!Object.hasOwn(DTYPE_BYTES, dtype)) fail(`unknown dtype ${show(dtype)}`, dtype);
    const known = dtype as Dtype;
    let bytes = DTYPE_BYTES[known] as number;
    for (const dim of shape) {
      bytes *= dim;
      if (!Number.isSafeInteger(bytes)) fail(`shape ${show(shape)} overflows`, shape);
    }
    if (end < begin) fail(`data_offsets ${show([begin, end])} are reversed`, [begin, end]);
    if (end - begin !== bytes)
      fail(`${dtype} ${show(shape)} takes ${bytes} bytes, data_offsets give ${end - begin}`, [begin, end]);
    tensors.set(name, { name, dtype: known, shape, start: data_start + begin, end: data_start + end });
  }
  let filled = data_start;
  for (const { name, start, end } of [...tensors.values()].sort(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    if (start !== filled)
      throw corrupt(
        file,
        `tensor ${show(name)}: its data begins at byte ${start} of the file, the one before ends at ${filled}`,
        { tensor: name, value: [start - data_start, end - data_start] },
      );
    filled = end;
  }
  if (filled !== size)
    throw corrupt(file, `the tensors end at byte ${filled}, the file has ${size}`, { value: filled, size });
  return tensors;
}
