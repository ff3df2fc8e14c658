// The one error type of the package. `code` is for programs, `message` for people, `hint` says what to do next.

/** Every code an {@link AlignError} can carry. */
export type AlignErrorCode =
  | 'invalid_argument'
  | 'unsupported_config'
  | 'unsupported_activation'
  | 'missing_tensor'
  | 'shape_mismatch'
  | 'corrupt_checkpoint'
  | 'corrupt_image'
  | 'unsupported_image'
  | 'corrupt_index'
  | 'too_large'
  | 'out_of_vocabulary'
  | 'too_many_tokens'
  | 'out_of_memory'
  | 'limit_exceeded'
  | 'network'
  | 'integrity'
  | 'not_found'
  | 'aborted'
  | 'disposed'
  | 'device_lost'
  | 'gpu_mismatch'
  | 'gpu_unavailable'
  | 'worker_lost'
  | 'abi_mismatch'
  | 'model_required'
  | 'trap';

/** What moves a terminal's cursor, ends a line or turns the direction around: names in files have it, messages do not. */
const STEERING = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** What went wrong (`code`, `message`), with which values (`detail`), and what to do (`hint`). */
export class AlignError extends Error {
  override readonly name = 'AlignError';
  readonly code: AlignErrorCode;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;

  constructor(
    code: AlignErrorCode,
    message: string,
    options: { detail?: Record<string, unknown>; hint?: string; cause?: unknown } = {},
  ) {
    const whole = options.hint === undefined ? message : `${message} (${options.hint})`;
    super(whole.replace(STEERING, escaped), { cause: options.cause });
    this.code = code;
    this.detail = options.detail ?? {};
    this.hint = options.hint;
  }
}

/** A value as an error message shows it: short, quoted, on one line. */
export function show(value: unknown): string {
  return shown(value, 3);
}

/** Lists in lists are shown `depth` deep: one from a stranger may be deeper than calls can be. */
function shown(value: unknown, depth: number): string {
  let text: string;
  if (typeof value === 'string') text = JSON.stringify(value.slice(0, 120));
  else if (value === null || typeof value !== 'object') text = String(value);
  else if (Array.isArray(value) && depth === 0) text = '[…]';
  else if (Array.isArray(value)) {
    const some = value.slice(0, 8).map((part) => shown(part, depth - 1));
    text = `[${some.join(', ')}${value.length > 8 ? ', …' : ''}]`;
  } else text = tag_of(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

/** The class of a built-in object by its tag, the same in every realm: another frame, node:vm and jest have classes of their own. */
export function tag_of(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Throws `aborted` if `signal` has fired, or `disposed` if that is why. */
export function throw_if_aborted(signal: AbortSignal | null | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

/** The error of a call whose signal has fired. */
export function aborted({ reason }: AbortSignal): AlignError {
  if (reason instanceof AlignError && reason.code === 'disposed') return reason;
  return new AlignError('aborted', 'The call was aborted', { cause: reason });
}

/** How engines say that there is no memory for a buffer or for a module's instance. */
const NO_MEMORY = /out of memory|allocat|unable to grow|invalid (typed )?array (buffer )?length/i;

/** The error for a `cause` by which an engine says that there is no memory left; null for any other. */
export function out_of_memory(cause: unknown): AlignError | null {
  if (!(cause instanceof Error) || cause instanceof AlignError) return null;
  // By its name: it may have come from a worker.
  if (!/^(Range|Internal)Error$/.test(cause.name) || !NO_MEMORY.test(cause.message)) return null;
  return new AlignError('out_of_memory', `There is no memory left: ${cause.message}`, {
    hint: 'use smaller inputs, a smaller batch_size or a quantised checkpoint',
    cause,
  });
}

/** What `task` gives, at once or later. @throws AlignError `out_of_memory` where the engine finds no memory for it */
export function within_memory<T>(task: () => T): T {
  const rethrow = (cause: unknown): never => {
    throw out_of_memory(cause) ?? cause;
  };
  try {
    const result = task();
    return result instanceof Promise ? (result.catch(rethrow) as T) : result;
  } catch (cause) {
    return rethrow(cause);
  }
}
