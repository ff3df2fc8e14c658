// Prints the digests of the models computed by two threads, in Node, Deno or Bun; the blob is on standard input. The last
// model stays: its thread must not hold the process back.

import process from 'node:process';
import * as align from 'align-wasm';
import { unpack } from './blob.mjs';
import { thread_digests } from './check.mjs';

const parts = [];
for await (const part of process.stdin) parts.push(part);
const files = unpack(new Uint8Array(await new Blob(parts).arrayBuffer()));
console.log(JSON.stringify(await thread_digests(align, files, 2)));
await align.Align.load(undefined, { threads: 2 });
