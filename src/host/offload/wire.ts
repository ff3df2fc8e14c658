// Errors on their way between two threads: with all that an AlignError carries, and its cause.

import { AlignError, show, type AlignErrorCode } from '../errors.ts';

/** An error as a message holds it, or what was thrown in place of one. */
export type WireError =
  | { readonly thrown: unknown }
  | {
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
      readonly cause: WireError | null;
      /** Of an {@link AlignError}. */
      readonly align: {
        readonly code: AlignErrorCode;
        readonly detail: Readonly<Record<string, unknown>>;
        readonly hint: string | undefined;
      } | null;
    };

/** `error` as a message can hold it. */
export function to_wire(error: unknown): WireError {
  if (!(error instanceof Error)) return { thrown: cloned(error) };
  const { name, message, stack, cause } = error;
  const align =
    error instanceof AlignError
      ? { code: error.code, detail: cloned_values(error.detail), hint: error.hint }
      : null;
  return { name, message, stack, cause: cause === undefined ? null : to_wire(cause), align };
}

/** The error that a message holds. */
export function from_wire(wire: WireError): unknown {
  if ('thrown' in wire) return wire.thrown;
  const { name, message, stack, align } = wire;
  const cause = wire.cause ? { cause: from_wire(wire.cause) } : {};
  const error = align ? revived(message, align, cause) : Object.assign(new Error(message, cause), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}

type Align = NonNullable<Extract<WireError, { message: string }>['align']>;

function revived(message: string, { code, detail, hint }: Align, cause: { cause?: unknown }): AlignError {
  // The constructor puts the hint behind the message once more.
  const end = hint === undefined ? '' : ` (${hint})`;
  const plain = message.endsWith(end) ? message.slice(0, message.length - end.length) : message;
  return new AlignError(code, plain, {
    detail: { ...detail },
    ...(hint !== undefined && { hint }),
    ...cause,
  });
}

function cloned_values(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, cloned(value)]));
}

/** A copy, or for what cannot be copied what a message would show. */
function cloned(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return show(value);
  }
}
