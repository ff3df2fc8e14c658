// What a command sees of the process: streams, a terminal or not, colours, interruption. Tests pass their own.

import { AlignError } from '../errors.ts';
import { safe_text } from './text.ts';

/** The command's surroundings. */
export interface Io {
  /** All of standard input. @throws AlignError `too_large`, `aborted` */
  stdin(): Promise<Uint8Array>;
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Standard output shows colours: a terminal, and NO_COLOR is not set. */
  readonly colour: boolean;
  /** Standard error is a terminal, so a progress bar may be drawn there. */
  readonly progress: boolean;
  /** Fires when the user interrupts. */
  readonly signal: AbortSignal;
  /** A clock in ms. */
  now(): number;
}

/** Exit statuses. */
export const OK = 0;
export const FAILED = 1;
export const USAGE = 2;
export const SOME_FAILED = 3;
export const INTERRUPTED = 130;

/** The command line itself is wrong: exit status 2, and the message points to --help. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Any thrown value for people, with names that a terminal does not obey. */
export function message_of(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').map(safe_text).join('\n');
}

/** A failed input as `--json` reports it. */
export function error_json(error: unknown): { code: string; message: string } {
  return { code: error instanceof AlignError ? error.code : 'trap', message: message_of(error) };
}

/** Whether an error says that the user interrupted. */
export function is_interruption(error: unknown): boolean {
  return error instanceof AlignError && error.code === 'aborted';
}
