// One input after another: a failing one is reported and the others still get their turn.

import { error_json, FAILED, is_interruption, message_of, OK, SOME_FAILED, type Io } from './io.ts';
import { counted, Progress, safe_text } from './text.ts';

/** An input by the name the user gave it. */
interface Named {
  readonly name: string;
}

/**
 * Prints what `work` gives for every input. One that throws is an `{[noun], error}` object with --json, else a line on
 * standard error. Gives the exit status: 0, 3 when some failed, 1 when all did. An interruption ends it with `aborted`.
 */
export async function each<T extends Named>(
  inputs: readonly T[],
  noun: string,
  io: Io,
  json: boolean,
  work: (input: T) => Promise<string>,
): Promise<number> {
  const progress = new Progress(io);
  let failed = 0;
  try {
    for (const [done, input] of inputs.entries()) {
      progress.update(counted(inputs.length, noun), done, inputs.length);
      let text: string;
      let report = (line: string): void => io.out(`${line}\n`);
      try {
        text = await work(input);
      } catch (error) {
        if (io.signal.aborted || is_interruption(error)) throw error;
        failed += 1;
        if (json) text = JSON.stringify({ [noun]: input.name, error: error_json(error) });
        else {
          text = `failed ${safe_text(input.name)}: ${message_of(error)}`;
          report = (line) => io.err(`${line}\n`);
        }
      }
      progress.clear();
      report(text);
    }
  } finally {
    progress.clear();
  }
  return failed === 0 ? OK : failed === inputs.length ? FAILED : SOME_FAILED;
}
