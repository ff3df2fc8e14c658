// Runs the check in Node, Deno or Bun: the blob of files on standard input, the digests on standard output. Nothing is
// read from the file system unless the arguments ask for it, so Deno needs no permission: `wasm` and `model` say what the
// package is to find by itself.

import process from 'node:process';
import * as align from 'align-wasm';
import { unpack } from './blob.mjs';
import { digests } from './check.mjs';

const parts = [];
for await (const part of process.stdin) parts.push(part);
const files = unpack(new Uint8Array(await new Blob(parts).arrayBuffer()));
console.log(JSON.stringify(await digests(align, files, process.argv.slice(2))));
