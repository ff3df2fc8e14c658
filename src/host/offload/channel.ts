// Questions and answers between two threads, over messages. Each side may ask, take its question back, and answer.

import { AlignError, throw_if_aborted } from '../errors.ts';
import type { Transfer } from '../platform/platform.ts';
import { from_wire, to_wire, type WireError } from './wire.ts';

/** An answer, and what of its memory goes over instead of being copied. */
export type Answer = readonly [value: unknown, transfer?: Transfer[]];

/** Answers a question. `signal` fires when it is taken back; without one it never is. */
export type Handler = (question: never, signal: AbortSignal | undefined) => Promise<Answer> | Answer;

export type Post = (message: unknown, transfer: Transfer[]) => void;

type Message =
  | { readonly ask: number; readonly what: string; readonly question: unknown; readonly abortable: boolean }
  | { readonly abort: number }
  | { readonly answer: number; readonly value: unknown }
  | {
      readonly fail: number;
      readonly error: WireError;
      /** The error's number, and the number that the other side gave to one that came from there. */
      readonly sent: number;
      readonly came: number | undefined;
    };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Errors kept, the last sent: one that comes back is thrown as the object that it was. */
const KEPT = 16;

export class Channel {
  readonly #post: Post;
  readonly #handlers: Readonly<Record<string, Handler>>;
  /** Who waits for which answer. */
  readonly #waiting = new Map<number, Waiting>();
  /** Questions of the other side that it may take back. */
  readonly #answering = new Map<number, AbortController>();
  readonly #sent = new Map<number, unknown>();
  readonly #came = new WeakMap<object, number>();
  #count = 0;
  #end: AlignError | null = null;

  constructor(post: Post, handlers: Readonly<Record<string, Handler>>) {
    this.#post = post;
    this.#handlers = handlers;
  }

  get ended(): boolean {
    return this.#end !== null;
  }

  /** Whether an answer is waited for. */
  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * The other side's answer. After an abort it is still waited for: the other side says when it has stopped.
   * @throws what the other side throws, `aborted`, and once the channel has ended the error that it ended with
   */
  async ask<T>(
    what: string,
    question: unknown,
    { signal, transfer = [] }: { signal?: AbortSignal | undefined; transfer?: Transfer[] } = {},
  ): Promise<T> {
    throw_if_aborted(signal);
    if (this.#end) throw this.#end;
    const ask = ++this.#count;
    const abort = (): void => this.#post({ abort: ask } satisfies Message, []);
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(ask, { resolve, reject }));
    try {
      this.#post({ ask, what, question, abortable: signal !== undefined } satisfies Message, transfer);
      signal?.addEventListener('abort', abort);
      return (await answer) as T;
    } catch (error) {
      // The other side knows that it was aborted, but not why.
      if (error instanceof AlignError && error.code === 'aborted') throw_if_aborted(signal);
      throw error;
    } finally {
      this.#waiting.delete(ask);
      signal?.removeEventListener('abort', abort);
    }
  }

  receive(given: unknown): void {
    if (this.#end) return;
    const message = given as Message;
    if ('ask' in message) void this.#answer(message);
    else if ('abort' in message) this.#answering.get(message.abort)?.abort();
    else if ('answer' in message) this.#waiting.get(message.answer)?.resolve(message.value);
    else this.#waiting.get(message.fail)?.reject(this.#revive(message));
  }

  /** Nothing comes any more: whoever waits, and whoever asks later, is told `error`. */
  end(error: AlignError): void {
    this.#end ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    for (const controller of this.#answering.values()) controller.abort();
  }

  async #answer({ ask, what, question, abortable }: Extract<Message, { ask: number }>): Promise<void> {
    const controller = abortable ? new AbortController() : null;
    if (controller) this.#answering.set(ask, controller);
    try {
      const [value, transfer = []] = await this.#handlers[what]!(question as never, controller?.signal);
      if (!this.#end) this.#post({ answer: ask, value } satisfies Message, transfer);
    } catch (error) {
      if (!this.#end) this.#post(this.#fail(ask, error), []);
    } finally {
      this.#answering.delete(ask);
    }
  }

  #fail(fail: number, error: unknown): Message {
    const came = typeof error === 'object' && error !== null ? this.#came.get(error) : undefined;
    const sent = ++this.#count;
    this.#sent.set(sent, error);
    if (this.#sent.size > KEPT) this.#sent.delete(this.#sent.keys().next().value!);
    return { fail, error: to_wire(error), sent, came };
  }

  #revive({ error: wire, sent, came }: Extract<Message, { fail: number }>): unknown {
    if (came !== undefined && this.#sent.has(came)) return this.#sent.get(came);
    const error = from_wire(wire);
    if (typeof error === 'object' && error !== null) this.#came.set(error, sent);
    return error;
  }
}
