// A remote file as a byte source: in chunks, from memory, from the cache, else from its server. Chunks that lie side by side
// come in one request, as far as somebody has said that he will read them; then nothing is fetched twice, nothing in vain, and
// no more waits in memory than what came before its reader.
//
//   expect    ..####.##########....###      who reads says what he will read: bytes a chunk, counted down as he does
//   cache     ..##...........#.........
//   requests    [ ] [        ] [ ] [ ]      at most RUN chunks each

import { AlignError } from '../../errors.ts';
import { check_range, free, type ByteSource } from '../source.ts';
import type { CacheEntry } from './cache.ts';
import { CHUNK, in_chunks, type Download } from './download.ts';
import { digest, to_hex } from './sha256.ts';

/** Chunks of one request: 690 MB are eleven requests. */
const RUN = 32;

/** Chunks that wait in memory for their reader before their server has to. */
const WINDOW = 6;

/** Somebody who waits for a chunk from the server. */
interface Waiting {
  readonly chunk: Promise<Uint8Array>;
  readonly resolve: (chunk: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** What checking a remote file needs beside its bytes. */
export interface RemoteSource extends ByteSource {
  /** Before all of it is read: what comes again after that must be the same. */
  remember?(): Promise<void>;
  /** Forgets a file that is not what it should be, in the cache too. */
  discard?(): Promise<void>;
  /** What tells the file from another that comes under its name later. */
  readonly file?: object;
  /** Of a piece of a file: the file. */
  readonly whole?: RemoteSource;
}

/** Where the bytes of a {@link RemoteFile} come from. */
export interface Origin {
  readonly name: string;
  readonly size: number;
  readonly entry: CacheEntry | null;
  /** Opens the file on its server, or says why it cannot be. */
  readonly download: (signal: AbortSignal | undefined) => Promise<Download>;
}

export class RemoteFile {
  readonly #origin: Origin;
  /** In the order of their coming. */
  readonly #memory = new Map<number, Uint8Array>();
  readonly #waiting = new Map<number, Waiting>();
  /** Readers of each chunk that have not copied theirs. */
  readonly #readers = new Map<number, number>();
  /** Chunks on their way from the cache. */
  readonly #coming = new Map<number, Promise<Uint8Array>>();
  /** Bytes of each chunk that will yet be read. */
  readonly #expected = new Map<number, number>();
  /** Chunks in the cache. */
  #held = new Set<number>();
  /** SHA-256 of the chunks of a file whose own was checked: what comes again must be the same. */
  #digests: Map<number, string> | null = null;
  #download: Download | null = null;
  #users = 0;
  #working = false;
  /** The chunk on its way to the cache. */
  #storing: Uint8Array | null = null;
  #stored: Promise<void> = Promise.resolve();
  #controller = new AbortController();
  #wake: (() => void) | null = null;

  private constructor(origin: Origin) {
    this.#origin = origin;
  }

  static async open(origin: Origin, download: Download | null): Promise<RemoteFile> {
    const file = new RemoteFile(origin);
    if (origin.entry) file.#held = await origin.entry.held();
    file.#download = download;
    let index = 0;
    for (const chunk of download?.whole ?? []) {
      file.#expected.set(index, Infinity);
      await file.#arrived(index++, chunk);
    }
    return file;
  }

  /** A source to close; the last one closed ends what is under way. */
  source(): ByteSource {
    const { name, size } = this.#origin;
    let open = true;
    this.#users++;
    const source: Required<Omit<RemoteSource, 'whole'>> = {
      name,
      size,
      read: async (start, end, signal) => {
        check_range(source, start, end);
        const target = new Uint8Array(end - start);
        await this.#read(start, target, signal);
        return target;
      },
      read_into: async (start, target, signal) => {
        check_range(source, start, start + target.length);
        await this.#read(start, target, signal);
      },
      read_few: async (start, end, signal) => {
        check_range(source, start, end);
        return this.#read_few(start, end, signal);
      },
      expect: (ranges) => this.#expect(ranges),
      remember: () => this.#remember(),
      discard: () => this.#discard(),
      file: this,
      close: async () => {
        if (open && --this.#users === 0) this.#rest();
        open = false;
        await this.#stored;
      },
    };
    return source;
  }

  async #remember(): Promise<void> {
    this.#digests ??= new Map();
    await Promise.all(Array.from(this.#memory, ([index, chunk]) => this.#is_same(index, chunk)));
  }

  async #discard(): Promise<void> {
    this.release();
    this.#held.clear();
    this.#digests &&= new Map();
    await this.#origin.entry?.delete();
  }

  /** Forgets what is in memory and ends the connection; it may be read again. */
  release(): void {
    this.#rest();
    this.#memory.clear();
  }

  /** Nobody reads. The first chunk stays: the header of a file is read more than once while a model loads. */
  #rest(): void {
    this.#controller.abort();
    this.#fail(new AlignError('aborted', `${this.#origin.name} was closed`));
    this.#controller = new AbortController();
    this.#download?.close();
    this.#wake?.();
    for (const [index, bytes] of this.#expected) if (bytes !== Infinity) this.#expected.delete(index);
    for (const index of this.#memory.keys())
      if (index > 0 && !this.#expected.has(index)) this.#memory.delete(index);
  }

  #expect(ranges: Iterable<readonly [start: number, end: number]>): void {
    for (const [start, end] of ranges)
      for (const [index, from, to] of chunks_of(start, end))
        this.#expected.set(index, (this.#expected.get(index) ?? 0) + to - from);
  }

  async #read(start: number, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    await Promise.all(
      Array.from(chunks_of(start, start + target.length), async ([index, from, to]) => {
        this.#readers.set(index, (this.#readers.get(index) ?? 0) + 1);
        let chunk: Uint8Array | undefined;
        try {
          chunk = await or_aborted(this.#chunk(index), signal);
          target.set(chunk.subarray(from, to), index * CHUNK + from - start);
          this.#used(index, to - from);
        } finally {
          const others = this.#readers.get(index)! - 1;
          if (others > 0) this.#readers.set(index, others);
          else this.#readers.delete(index);
          if (chunk) this.#free(index, chunk);
        }
      }),
    );
  }

  /** Gives a chunk's memory back, if nobody needs it any more. */
  #free(index: number, chunk: Uint8Array): void {
    if (this.#memory.get(index) !== chunk && this.#storing !== chunk && !this.#readers.has(index))
      free(chunk);
  }

  /** No more than these bytes from the server, kept nowhere. */
  async #read_few(start: number, end: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const target = new Uint8Array(end - start);
    const here = Array.from(chunks_of(start, end)).every(([i]) => this.#memory.has(i) || this.#held.has(i));
    const download = here || this.#digests ? null : await this.#opened(signal);
    if (!download?.ranges) {
      await this.#read(start, target, signal);
      return target;
    }
    let at = 0;
    for await (const piece of download.stream(start, end, signal)) {
      target.set(piece, at);
      at += piece.length;
    }
    return target;
  }

  #used(index: number, bytes: number): void {
    const left = (this.#expected.get(index) ?? 0) - bytes;
    if (left > 0) this.#expected.set(index, left);
    else if (this.#expected.delete(index)) this.#memory.delete(index);
    this.#wake?.();
  }

  #chunk(index: number): Promise<Uint8Array> {
    const known = this.#memory.get(index);
    if (known) return Promise.resolve(known);
    const coming = this.#coming.get(index) ?? this.#waiting.get(index)?.chunk;
    if (coming) return coming;
    if (!this.#held.has(index)) return this.#from_server(index);
    const cached = this.#from_cache(index).finally(() => this.#coming.delete(index));
    this.#coming.set(index, cached);
    return cached;
  }

  async #from_cache(index: number): Promise<Uint8Array> {
    const chunk = await this.#origin.entry!.get(index, this.#length(index));
    if (chunk !== null && (await this.#is_same(index, chunk))) {
      this.#keep(index, chunk);
      return chunk;
    }
    this.#held.delete(index); // damaged, or gone
    return this.#from_server(index);
  }

  #from_server(index: number): Promise<Uint8Array> {
    let settle: Pick<Waiting, 'resolve' | 'reject'> | undefined;
    const chunk = new Promise<Uint8Array>((resolve, reject) => (settle = { resolve, reject }));
    this.#waiting.set(index, { chunk, ...settle! });
    this.#wake?.();
    if (!this.#working) void this.#work();
    return chunk;
  }

  /** Fetches as long as somebody waits. */
  async #work(): Promise<void> {
    this.#working = true;
    await Promise.resolve(); // so that all chunks of one read are known
    while (this.#waiting.size > 0) {
      const { signal } = this.#controller;
      try {
        await this.#run(Math.min(...this.#waiting.keys()), signal);
      } catch (error) {
        // Whoever waited when it was aborted has heard of it.
        if (!signal.aborted) this.#fail(error);
      }
    }
    this.#working = false;
  }

  #fail(error: unknown): void {
    const waiting = Array.from(this.#waiting.values());
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }

  /** One request, from chunk `first` on. A server without ranges begins at the beginning. */
  async #run(first: number, signal: AbortSignal): Promise<void> {
    const { size } = this.#origin;
    const download = await this.#opened(signal);
    let index = download.ranges ? first : 0;
    const end = download.ranges ? this.#run_end(first) : Math.ceil(size / CHUNK);
    const stream = download.stream(index * CHUNK, Math.min(size, end * CHUNK), signal);
    for await (const chunk of in_chunks(stream)) {
      await this.#arrived(index++, chunk);
      if (index < end && !(await this.#goes_on(index, end, signal))) break;
    }
  }

  #run_end(first: number): number {
    const chunks = Math.ceil(this.#origin.size / CHUNK);
    const wanted = (i: number): boolean => this.#waiting.has(i) || this.#expected.has(i);
    let end = first + 1;
    while (
      end < Math.min(chunks, first + RUN) &&
      wanted(end) &&
      !this.#memory.has(end) &&
      !this.#held.has(end)
    )
      end++;
    return end;
  }

  /** Whether the run goes on with chunk `next`; waits while enough has come before its readers. */
  async #goes_on(next: number, end: number, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      if (signal.aborted) return false;
      const asked = Array.from(this.#waiting.keys());
      if (asked.some((i) => i >= next && i < end)) return true;
      // Readers have left it behind; a short rest is had with less than another request.
      if (asked.length > 0) return end - next <= WINDOW && asked.every((i) => i >= end);
      if (this.#memory.size < WINDOW) return true;
      await new Promise<void>((wake) => (this.#wake = wake));
      this.#wake = null;
    }
  }

  async #arrived(index: number, chunk: Uint8Array): Promise<void> {
    if (!(await this.#is_same(index, chunk))) throw this.#differs();
    const waiting = this.#waiting.get(index);
    // What a server without ranges sends is not to be had again without all that lies before it.
    if (waiting || index === 0 || this.#expected.has(index) || !this.#download?.ranges)
      this.#keep(index, chunk);
    this.#waiting.delete(index);
    waiting?.resolve(chunk);
    this.#storing = chunk;
    this.#stored = this.#store(index, chunk);
    await this.#stored;
    this.#storing = null;
    this.#free(index, chunk);
  }

  async #store(index: number, chunk: Uint8Array): Promise<void> {
    if (!this.#held.has(index) && (await this.#origin.entry?.put(index, chunk))) this.#held.add(index);
  }

  /** In memory: the oldest goes where there are enough, but for those that will be read. */
  #keep(index: number, chunk: Uint8Array): void {
    this.#memory.set(index, chunk);
    for (const old of this.#memory.keys()) {
      if (this.#memory.size <= WINDOW) return;
      if (old !== index && !this.#expected.has(old)) this.#memory.delete(old);
    }
  }

  /** Whether a chunk of a checked file is what it was. */
  async #is_same(index: number, chunk: Uint8Array): Promise<boolean> {
    if (this.#digests === null) return true;
    const hex = to_hex(await digest(chunk));
    const known = this.#digests.get(index);
    if (known === undefined) this.#digests.set(index, hex);
    return known === undefined || known === hex;
  }

  #differs(): AlignError {
    const { name } = this.#origin;
    return new AlignError('integrity', `${name} is not what it was when its SHA-256 was checked`, {
      detail: { file: name },
      hint: 'load the model again',
    });
  }

  async #opened(signal: AbortSignal | undefined): Promise<Download> {
    return (this.#download ??= await this.#origin.download(signal));
  }

  #length(index: number): number {
    return Math.min(CHUNK, this.#origin.size - index * CHUNK);
  }
}

/** The chunks that bytes `start` … `end` - 1 lie in, and from where to where in each. */
function* chunks_of(start: number, end: number): Generator<[index: number, from: number, to: number]> {
  for (let index = Math.floor(start / CHUNK); index * CHUNK < end; index++) {
    const base = index * CHUNK;
    yield [index, Math.max(start, base) - base, Math.min(end - base, CHUNK)];
  }
}

function or_aborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void =>
      reject(new AlignError('aborted', 'The call was aborted', { cause: signal.reason }));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
