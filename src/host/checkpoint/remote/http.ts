// One HTTP exchange after another until an answer comes that can be used: redirects followed by hand where the runtime shows
// them, so that a token stays with its origin; servers in trouble asked again; silence ended.

import { AlignError, show } from '../../errors.ts';

/** Bounds of patience. The tests shorten them. */
export const PATIENCE: { stall_ms: number; backoff_ms: number; longest_wait_ms: number; tries: number } = {
  /** Longest time without a byte. */
  stall_ms: 10_000,
  /** Wait before the second try; doubled for each after it. */
  backoff_ms: 300,
  /** Longest wait that a server may ask for with Retry-After. */
  longest_wait_ms: 30_000,
  /** Failures in a row, without {@link PROGRESS} bytes between them, until it is an error. */
  tries: 4,
};

/** Bytes that count as getting on. */
const PROGRESS = 65_536;

const MAX_REDIRECTS = 10;

/** What every request of a model has in common. */
export interface HttpOptions {
  readonly fetch: typeof globalThis.fetch;
  /** Sent to this origin alone. */
  readonly token?: { readonly value: string; readonly origin: string } | undefined;
}

/** An answer whose body has not been read: read it with {@link pieces} or {@link Answer.discard} it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Where it came from, behind all redirects. */
  readonly url: URL;
  /** Headers of the redirects before it, the last first: the hub tells of a file there, its storage does not. */
  readonly redirects: readonly Headers[];
  readonly body: ReadableStream<Uint8Array> | null;
  /** Ends the connection. */
  discard(): void;
}

/** Failures of one piece of work, so that retries of its parts do not multiply. */
export class Attempts {
  #failed = 0;
  #since = 0;

  /** Bytes came. */
  progress(bytes: number): void {
    this.#since += bytes;
    if (this.#since >= PROGRESS) this.#failed = 0;
  }

  /** Waits for the next try. @throws what failed, when it was the last, or must not be tried again */
  async failed(error: unknown, signal: AbortSignal | undefined): Promise<void> {
    if (!(error instanceof AlignError) || error.detail.again === undefined) throw error;
    this.#since = 0;
    if (++this.#failed >= PATIENCE.tries) throw error;
    const asked = error.detail.again as number;
    if (asked > PATIENCE.longest_wait_ms) throw error;
    await sleep(Math.max(asked, PATIENCE.backoff_ms * 2 ** (this.#failed - 1)), signal);
  }
}

/** A URL as messages show it: what stands behind "?" may be a signature, and so a secret. */
export function shown(url: URL): string {
  return url.origin + url.pathname + (url.search === '' ? '' : '?…');
}

/**
 * Trouble with the network. `again`: worth another try, after at least that many milliseconds.
 */
export function network_error(
  message: string,
  { again, cause, hint, status }: { again?: number; cause?: unknown; hint?: string; status?: number } = {},
): AlignError {
  const detail = { ...(again !== undefined && { again }), ...(status !== undefined && { status }) };
  return new AlignError('network', message, { detail, cause, ...(hint !== undefined && { hint }) });
}

/**
 * The answer to a GET: any status that is neither a redirect nor a passing trouble.
 * @throws AlignError `network`, `aborted`
 */
export async function get(
  { fetch, token }: HttpOptions,
  start: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const redirects: Headers[] = [];
  let mode: RequestRedirect = 'manual';
  for (let url = start; ;) {
    const own = token?.origin === url.origin ? { Authorization: `Bearer ${token.value}` } : {};
    const exchange = new Exchange(url, signal);
    const init = { headers: { ...headers, ...own }, redirect: mode, signal: exchange.signal };
    const response = await exchange.run(async () => answered(await fetch(url.href, init)));
    if (response.type === 'opaqueredirect') {
      // A browser hides where it leads. It follows by itself, and drops the token at another origin.
      exchange.discard();
      if (mode === 'follow') throw network_error(`${shown(url)} redirects where fetch does not follow`);
      mode = 'follow';
      continue;
    }
    const { status } = response;
    if (status >= 300 && status < 400 && status !== 304) {
      redirects.unshift(response.headers);
      exchange.discard();
      if (redirects.length > MAX_REDIRECTS)
        throw network_error(`${shown(start)} redirects more than ${MAX_REDIRECTS} times`);
      url = redirected(url, response.headers.get('location'));
      continue;
    }
    if (status === 408 || status === 429 || status >= 500) {
      const again = retry_after(response.headers.get('retry-after'));
      exchange.discard();
      throw network_error(`${shown(url)}: HTTP ${status}`, { again, status });
    }
    exchange.body = response.body;
    if (response.redirected && URL.canParse(response.url)) url = new URL(response.url);
    return Object.assign(exchange, { status, headers: response.headers, url, redirects });
  }
}

/** What `fetch` gave, which may be a caller's own. @throws AlignError `network` */
function answered(given: unknown): Response {
  const { headers, body, bodyUsed } = Object(given) as Partial<Response>;
  const readable = !body || (typeof body.getReader === 'function' && !body.locked);
  if (typeof headers?.get !== 'function' || bodyUsed || !readable)
    throw network_error('fetch gave no Response that can be read', { hint: 'look at the option fetch' });
  return given as Response;
}

/** Where a redirect leads. @throws AlignError `network` */
function redirected(from: URL, location: string | null): URL {
  const to = location !== null && URL.canParse(location, from.href) ? new URL(location, from) : null;
  if (to === null) throw network_error(`${shown(from)} redirects to ${show(location)}, which is no URL`);
  if (to.protocol !== 'https:' && !(to.protocol === 'http:' && from.protocol === 'http:'))
    throw network_error(
      `${shown(from)} redirects to ${show(`${to.protocol}//…`)}: only https is followed from there`,
    );
  to.username = to.password = '';
  return to;
}

/** Milliseconds of a Retry-After header: seconds, or a date. */
function retry_after(value: string | null): number {
  if (value === null) return 0;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** A request and its answer under a clock: silence of `stall_ms` ends it, as does the caller's signal. */
class Exchange {
  body: ReadableStream<Uint8Array> | null = null;
  readonly #controller = new AbortController();
  readonly #asked: URL;
  readonly #caller: AbortSignal | undefined;
  readonly #abort = (): void => this.#controller.abort();

  constructor(url: URL, caller: AbortSignal | undefined) {
    this.#asked = url;
    this.#caller = caller;
    if (caller?.aborted) throw this.#aborted();
    caller?.addEventListener('abort', this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  discard(): void {
    this.#caller?.removeEventListener('abort', this.#abort);
    this.#abort();
  }

  /** `work`, or an error that says why it failed. A fetch that does not listen to its signal is left behind. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { stall_ms } = PATIENCE;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stop: (() => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        stop = () => reject(this.#aborted());
        this.#caller?.addEventListener('abort', stop);
        if (this.#caller?.aborted) stop();
        timer = setTimeout(() => {
          reject(network_error(`${shown(this.#asked)}: nothing came for ${stall_ms / 1000} s`, { again: 0 }));
        }, stall_ms);
        work().then(resolve, reject);
      });
    } catch (cause) {
      this.discard();
      if (cause instanceof AlignError) throw cause;
      if (this.#caller?.aborted) throw this.#aborted();
      throw network_error(`${shown(this.#asked)} cannot be reached: ${reason(cause)}`, { again: 0, cause });
    } finally {
      clearTimeout(timer);
      if (stop) this.#caller?.removeEventListener('abort', stop);
    }
  }

  #aborted(): AlignError {
    return new AlignError('aborted', 'The call was aborted', { cause: this.#caller?.reason });
  }
}

/** What fetch hides in its cause: "fetch failed" says nothing. */
function reason(error: unknown): string {
  const { cause, message } = Object(error) as {
    cause?: { code?: unknown; message?: unknown };
    message?: unknown;
  };
  return String(cause?.code ?? cause?.message ?? message ?? error);
}

/** Bytes of a body that are taken at once. */
const PIECE = 2 ** 18;

/**
 * The body of an answer as it comes; a piece is there until the next one. Whoever stops early ends the connection.
 * @throws AlignError `network`, `aborted`
 */
export async function* pieces(answer: Answer): AsyncGenerator<Uint8Array, void, undefined> {
  const exchange = answer as unknown as Exchange;
  const { body } = answer;
  let reader: Reader | undefined;
  try {
    if (!body) return;
    reader = reader_of(body);
    for (;;) {
      const { done, value } = await exchange.run(() => reader!.read());
      if (done) return;
      if (!ArrayBuffer.isView(value)) throw network_error(`${shown(answer.url)}: its body is not of bytes`);
      yield value;
    }
  } finally {
    // After the end there is nothing left to end; before it, this frees the connection.
    answer.discard();
    reader?.cancel().catch(() => undefined);
  }
}

type Reader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'>;

/** Reads into one buffer again and again where the body lets it, so that a model's pieces do not wait to be collected. */
function reader_of(body: ReadableStream<Uint8Array>): Reader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: 'byob' });
  } catch {
    return body.getReader(); // it comes from a fetch of the caller's own
  }
  let buffer = new ArrayBuffer(PIECE);
  return {
    async read() {
      const result = await reader.read(new Uint8Array(buffer));
      if (result.value) ({ buffer } = result.value);
      return result;
    },
    cancel: (why) => reader.cancel(why),
  };
}

/** @throws AlignError `aborted` */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(new AlignError('aborted', 'The call was aborted', { cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
