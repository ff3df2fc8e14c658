// Runs the command line in this process, with surroundings of the test's own.

import type { Io } from '../../src/host/cli/io.ts';
import { run } from '../../src/host/cli/run.ts';

/** What a command did. */
export interface Ended {
  status: number;
  out: string;
  err: string;
  /** Standard output as JSON, a value a line. */
  json: () => Record<string, unknown>[];
}

/** Runs `align-wasm args…`; `input` is its standard input. */
export async function cli(
  args: string[],
  io: Partial<Io> & { input?: string | Uint8Array } = {},
): Promise<Ended> {
  let out = '';
  let err = '';
  const { input, ...rest } = io;
  const status = await run(args, '1.2.3', {
    stdin: () =>
      Promise.resolve(
        typeof input === 'string' ? new TextEncoder().encode(input) : (input ?? new Uint8Array()),
      ),
    out: (text) => (out += text),
    err: (text) => (err += text),
    colour: false,
    progress: false,
    signal: new AbortController().signal,
    now: () => 0,
    ...rest,
  });
  const json = (): Record<string, unknown>[] =>
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { status, out, err, json };
}
