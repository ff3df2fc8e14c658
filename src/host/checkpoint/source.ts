// Where bytes come from: a file, a Blob, memory, a URL (remote/). Readers ask for ranges and never for "everything".

import { AlignError, show } from '../errors.ts';

/** Random access to `size` bytes. */
export interface ByteSource {
  /** A name for error messages (a path, a URL, "model.safetensors"). */
  readonly name: string;
  readonly size: number;
  /**
   * Exactly the bytes start … end-1, in a buffer the caller may keep. On Workers, where memory is short, one that has nothing
   * beside them is emptied once they are copied: a source that keeps what it gives gives a copy.
   */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Fills `target` with the bytes from `start` on: `read` without a buffer between. Sources that cannot leave it out. */
  read_into?(start: number, target: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** `read` for a few bytes here and there: a source that reads ahead or in blocks reads these alone. */
  read_few?(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Says what will be read, so that a remote source fetches it in few requests and nothing else. */
  expect?(ranges: Iterable<readonly [start: number, end: number]>): void;
  /** Releases a file handle; idempotent. Sources without one leave it out. */
  close?(): Promise<void>;
}

/** The path of a file: URL; "/C:/models" is "C:/models", and a host is a Windows share. @throws AlignError `invalid_argument` */
export function file_path({ pathname, host, href }: URL): string {
  try {
    const path = decodeURIComponent(pathname);
    return host === '' ? path.replace(/^\/(?=[A-Za-z]:)/, '') : `//${host}${path}`;
  } catch (cause) {
    throw new AlignError('invalid_argument', `${show(href)} is not the URL of a file`, { cause });
  }
}

/** Bytes already in memory. */
export function bytes_source(name: string, bytes: Uint8Array | ArrayBuffer): ByteSource {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  return {
    name,
    size: view.byteLength,
    read(start, end) {
      return new Promise((resolve) => {
        check_range(this, start, end);
        resolve(view.subarray(start, end));
      });
    },
  };
}

/** A Blob or File. Only the range asked for is brought into memory. */
export function blob_source(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    async read(start, end) {
      check_range(this, start, end);
      return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    },
  };
}

/** Bytes `start` … `end` - 1 of a source as one of their own. Closing it closes the whole. */
export function section(
  name: string,
  whole: ByteSource,
  start: number,
  end: number,
): ByteSource & { readonly whole: ByteSource } {
  return {
    name,
    whole,
    size: end - start,
    async read(from, to, signal) {
      check_range(this, from, to);
      return whole.read(start + from, start + to, signal);
    },
    close: async () => whole.close?.(),
  };
}

/**
 * Gives the memory of a buffer back at once, where the engine can; nobody may look at it any more. Buffers of 2 MiB that are
 * left to the collector add up to 60 MB before V8 comes round to them, half of what a Worker may have.
 */
export function free({ buffer }: Uint8Array): void {
  if (buffer.byteLength > 0) (buffer as { transfer?: (length: number) => ArrayBuffer }).transfer?.(0);
}

/** Fills `target` with the bytes of `source` from `start` on. */
export async function read_into(
  source: ByteSource,
  start: number,
  target: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  if (source.read_into) await source.read_into(start, target, signal);
  else target.set(await source.read(start, start + target.length, signal));
}

/** Throws `corrupt_checkpoint` when a range leaves the source: a file shorter than its header says. */
export function check_range(source: ByteSource, start: number, end: number): void {
  if (start < 0 || end < start || end > source.size) {
    throw new AlignError(
      'corrupt_checkpoint',
      `${source.name}: bytes ${start} to ${end} asked for, it has ${source.size}`,
      {
        detail: { file: source.name, start, end, size: source.size },
      },
    );
  }
}
