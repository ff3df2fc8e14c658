// Node, Deno or Bun: the blob on standard input, {version, cells} on standard output.

import process from 'node:process';
import * as align from 'align-wasm';
import { cells } from './cells.mjs';

const parts = [];
for await (const part of process.stdin) parts.push(part);
const blob = new Uint8Array(await new Blob(parts).arrayBuffer());
const { deno, bun, node } = process.versions;
console.log(JSON.stringify({ version: deno ?? bun ?? node, cells: await cells(align, blob) }));
