#!/usr/bin/env node
// The program `align-wasm`: this process as the surroundings of a command. Nothing else in the package touches `process`.

import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { stream_bytes } from '../stream.ts';
import { MAX_TEXT_BYTES } from '../checkpoint/json.ts';
import { INTERRUPTED, type Io } from './io.ts';
import { run } from './run.ts';

const interruption = new AbortController();
const { stdin, stdout, stderr, env } = process;

const io: Io = {
  stdin() {
    const stream = Readable.toWeb(stdin) as ReadableStream<Uint8Array>;
    return stream_bytes('standard input', stream, MAX_TEXT_BYTES, interruption.signal);
  },
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
  colour: stdout.isTTY && !env.NO_COLOR,
  progress: stderr.isTTY,
  signal: interruption.signal,
  now: () => performance.now(),
};

// `align-wasm … | head` closes our output early: that is no failure, and there is nobody left to tell.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

// The first interruption lets the model stop in order, the second does not wait.
process.on('SIGINT', () => {
  if (interruption.signal.aborted) process.exit(INTERRUPTED);
  interruption.abort();
});

/** Deno may not let us read it: then doctor says so. */
async function version_of_package(): Promise<string> {
  try {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return 'of unknown version';
  }
}

process.exitCode = await run(process.argv.slice(2), await version_of_package(), io);
