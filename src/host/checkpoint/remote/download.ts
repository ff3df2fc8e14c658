// A file behind a URL as its server gives it: in ranges where it can, else from its beginning. What comes over several
// answers is of one version of the file, or an error.

import { AlignError } from '../../errors.ts';
import { too_large } from '../../stream.ts';
import { free } from '../source.ts';
import { Attempts, get, network_error, pieces, shown, type Answer, type HttpOptions } from './http.ts';

/** Files are held and stored in pieces of this size. */
export const CHUNK: number = 2 * 2 ** 20;

/** A file that a server sends whole is kept in memory up to this size: its length is then known, whatever headers say. */
const WHOLE_BYTES = 16 * 2 ** 20;

/** A body, and which bytes of the file it is. */
interface Part {
  readonly answer: Answer;
  readonly from: number;
  readonly to: number;
}

export class Download {
  /** For messages. */
  readonly name: string;
  readonly size: number;
  /** What tells this version of the file from others: the hub's ETag, the server's, or a date; empty where there is nothing. */
  readonly version: string;
  /** The commit of the hub that the file belongs to. */
  readonly commit: string | null;
  /** The file in chunks, where its server could only send it whole and it is small or of unknown length. */
  readonly whole: readonly Uint8Array[] | null;
  readonly #http: HttpOptions;
  readonly #url: URL;
  readonly #headers: Headers;
  /** Where the last answer came from: the next request need not be redirected. */
  #direct: URL;
  #ranges: boolean;
  /** The answer that opened it. */
  #first: Part | null;

  private constructor(http: HttpOptions, url: URL, opened: Opened) {
    const { answer, size, ranges, whole } = opened;
    this.name = shown(url);
    this.size = size;
    this.version = hub_header(answer, 'x-linked-etag') ?? version_of(answer.headers) ?? '';
    this.commit = hub_header(answer, 'x-repo-commit');
    this.whole = whole;
    this.#http = http;
    this.#url = url;
    this.#headers = answer.headers;
    this.#direct = answer.url;
    this.#ranges = ranges;
    this.#first = whole === null ? { answer, from: 0, to: opened.to } : null;
  }

  /**
   * Asks for the first `bytes` bytes; null where there is no such file. One that must be read whole to know its length is
   * read up to `limit`.
   * @throws AlignError `network`, `too_large`, `not_found` (no such model on the hub), `aborted`
   */
  static async open(
    http: HttpOptions,
    url: URL,
    bytes: number,
    limit: number,
    signal: AbortSignal | undefined,
  ): Promise<Download | null> {
    const attempts = new Attempts();
    for (let ranged = true; ;) {
      try {
        const headers = ranged ? { Range: `bytes=0-${bytes - 1}` } : {};
        const answer = await get(http, url, headers, signal);
        const opened = await read_opening(answer, url, ranged, limit);
        if (opened === 'absent') return null;
        if (opened === 'unranged') ranged = false;
        else return new Download(http, url, opened);
      } catch (error) {
        await attempts.failed(error, signal);
      }
    }
  }

  /** Ends the answer that opened it, where nobody has read it. */
  close(): void {
    this.#first?.answer.discard();
    this.#first = null;
  }

  /** Whether {@link stream} from anywhere costs no more than what it gives. */
  get ranges(): boolean {
    return this.#ranges;
  }

  /** Bytes `start` … `end` - 1 as they come. @throws AlignError `network`, `aborted` */
  async *stream(
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const attempts = new Attempts();
    for (let at = start; at < end;) {
      try {
        const { answer, from, to } = this.#take_first(at) ?? (await this.#request(at, end, signal));
        let position = from;
        for await (const piece of pieces(answer)) {
          const next = position + piece.length;
          if (next > to) throw this.#lie(`more than the ${to - from} bytes that it announced`);
          const wanted = piece.subarray(Math.max(0, at - position), Math.max(0, end - position));
          position = next;
          if (wanted.length === 0) continue;
          at += wanted.length;
          attempts.progress(wanted.length);
          yield wanted;
          if (at === end) return;
        }
        if (position < to)
          throw network_error(`${this.name} broke off at byte ${position} of ${this.size}`, { again: 0 });
      } catch (error) {
        await attempts.failed(error, signal);
      }
    }
  }

  #take_first(at: number): Part | null {
    const first = this.#first;
    this.#first = null;
    if (first?.from === at) return first;
    first?.answer.discard();
    return null;
  }

  async #request(at: number, end: number, signal: AbortSignal | undefined): Promise<Part> {
    const etag = this.#headers.get('etag');
    const headers: Record<string, string> = {};
    if (this.#ranges) {
      headers.Range = `bytes=${at}-${end - 1}`;
      // A browser would have to ask another site whether it may send this; ETags are compared here in any case.
      if (etag !== null && !etag.startsWith('W/') && !is_elsewhere(this.#direct)) headers['If-Range'] = etag;
    }
    const answer = await get(this.#http, this.#direct, headers, signal);
    try {
      return this.#checked(answer, at, end);
    } catch (error) {
      answer.discard();
      throw error;
    }
  }

  #checked(answer: Answer, at: number, end: number): Part {
    const { status, headers } = answer;
    if (status === 416) throw this.#changed();
    if (status >= 400 && this.#direct.href !== this.#url.href) {
      // Addresses that a hub redirects to are good for a while.
      this.#direct = this.#url;
      throw network_error(`${this.name}: HTTP ${status} where it redirects to`, { again: 0, status });
    }
    if (status !== 200 && status !== 206)
      throw network_error(`${this.name}: HTTP ${status} while it was read`, { status });
    this.#direct = answer.url;
    const version = version_of(headers);
    const known = version_of(this.#headers);
    if (version !== null && known !== null && version !== known) throw this.#changed();
    if (status === 200) {
      const length = body_length(headers);
      if (length !== null && length !== this.size) throw this.#changed();
      this.#ranges = false;
      return { answer, from: 0, to: this.size };
    }
    const range = content_range(headers);
    if (range?.size !== undefined && range.size !== this.size) throw this.#changed();
    if (range?.from !== at || range.to <= at || range.to > end || is_encoded(headers))
      throw this.#lie(`Content-Range ${headers.get('content-range') ?? 'not at all'} for ${at}-${end - 1}`);
    return { answer, from: at, to: range.to };
  }

  /** A server that mixes ranges up is asked for the whole file next. */
  #lie(answer: string): AlignError {
    const again = this.#ranges ? { again: 0 } : {};
    this.#ranges = false;
    return network_error(`${this.name}: its server answers ${answer}`, again);
  }

  #changed(): AlignError {
    return network_error(`${this.name} changed while it was read`, { hint: 'load the model again' });
  }
}

/** What the answer that opens a file says of it. */
interface Opened {
  readonly answer: Answer;
  readonly size: number;
  /** Bytes of the file in its body. */
  readonly to: number;
  readonly ranges: boolean;
  readonly whole: readonly Uint8Array[] | null;
}

async function read_opening(
  answer: Answer,
  url: URL,
  ranged: boolean,
  limit: number,
): Promise<Opened | 'absent' | 'unranged'> {
  const { status, headers } = answer;
  if (status === 206 && ranged) {
    const range = content_range(headers);
    if (range?.from === 0 && range.size !== undefined && range.to <= range.size && !is_encoded(headers))
      return { answer, size: range.size, to: range.to, ranges: true, whole: null };
    answer.discard();
    return 'unranged';
  }
  if (status === 416 && ranged) {
    answer.discard();
    // No range fits a file without a byte.
    return 'unranged';
  }
  if (status !== 200) {
    answer.discard();
    return refused(answer, url);
  }
  // What a server of pages sends for files that it does not have.
  if (/^text\/html\b/i.test(headers.get('content-type') ?? '')) {
    answer.discard();
    return 'absent';
  }
  const length = body_length(headers);
  if (length !== null && length > WHOLE_BYTES)
    return { answer, size: length, to: length, ranges: false, whole: null };
  const whole: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of in_chunks(pieces(answer))) {
    whole.push(chunk);
    size += chunk.length;
    if (size > limit) throw too_large(shown(url), limit);
  }
  // Another site's Content-Encoding is hidden in browsers: then there are more bytes, and they are right.
  if (length !== null && size < length)
    throw network_error(`${shown(url)} broke off at byte ${size} of ${length}`, { again: 0 });
  return { answer, size, to: size, ranges: false, whole };
}

/** The same bytes, {@link CHUNK} at a time but for the last. */
export async function* in_chunks(
  parts: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let chunk = new Uint8Array(CHUNK);
  let filled = 0;
  for await (const part of parts) {
    for (let at = 0; at < part.length;) {
      const count = Math.min(part.length - at, CHUNK - filled);
      chunk.set(part.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < CHUNK) continue;
      yield chunk;
      chunk = new Uint8Array(CHUNK);
      filled = 0;
    }
  }
  const last = chunk.slice(0, filled);
  free(chunk);
  if (filled > 0) yield last;
}

/** @throws AlignError for every status but those of a missing file */
function refused({ status, headers, redirects }: Answer, url: URL): 'absent' {
  const reason = [headers, ...redirects].map((each) => each.get('x-error-code')).find(Boolean);
  if (reason === 'RepoNotFound' || reason === 'RevisionNotFound')
    throw new AlignError(
      'not_found',
      `${shown(url)}: the hub has no such ${reason === 'RepoNotFound' ? 'model' : 'revision'} (HTTP ${status})`,
      { detail: { status }, hint: 'check its name; a private model needs the option token' },
    );
  if (status === 404 || status === 410) return 'absent';
  const gated = reason === 'GatedRepo' ? 'accept the terms on its page, and ' : '';
  const denied = status === 401 || status === 403;
  throw network_error(`${shown(url)}: ${denied ? 'access refused' : 'no answer to use'} (HTTP ${status})`, {
    status,
    ...(denied && { hint: `${gated}pass a token that may read it as the option token` }),
  });
}

function hub_header({ headers, redirects }: Answer, name: string): string | null {
  return [...redirects, headers].map((each) => each.get(name)).find(Boolean) ?? null;
}

function version_of(headers: Headers): string | null {
  return headers.get('etag') ?? headers.get('last-modified');
}

/** Bytes of the body, where its length is the file's. */
function body_length(headers: Headers): number | null {
  const length = headers.get('content-length');
  return length === null || is_encoded(headers) || !/^\d{1,15}$/.test(length) ? null : Number(length);
}

function is_encoded(headers: Headers): boolean {
  return !/^(identity)?$/i.test(headers.get('content-encoding') ?? '');
}

/** `to` is exclusive. */
function content_range(headers: Headers): { from: number; to: number; size?: number } | null {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(headers.get('content-range') ?? '');
  if (match === null) return null;
  const [from, last, size] = match.slice(1) as [string, string, string];
  return { from: Number(from), to: Number(last) + 1, ...(size !== '*' && { size: Number(size) }) };
}

/** Whether a page in a browser reads from another site. */
function is_elsewhere(url: URL): boolean {
  const { location } = globalThis as { location?: { origin?: string } };
  return location?.origin !== undefined && location.origin !== url.origin;
}
