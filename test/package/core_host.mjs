// Embeds a text and a picture with align-wasm/core in Node, Deno or Bun, and prints them in hexadecimal. Module, model and
// picture come on standard input, so that Deno needs no permission.

import process from 'node:process';
import { Align } from 'align-wasm/core';

const parts = [];
for await (const part of process.stdin) parts.push(part);
const input = new Uint8Array(await new Blob(parts).arrayBuffer());
const [wasm_bytes] = new Uint32Array(input.buffer, 0, 1);
const wasm = input.subarray(4, 4 + wasm_bytes);
const align = await Align.load(input.subarray(4 + wasm_bytes), { wasm });
const width = 40;
const data = Uint8Array.from({ length: width * width * 3 }, (_, i) => (i * 7) % 251);
const embeddings = [
  await align.embed_text('a magnifying glass'),
  await align.embed_image({ data, width, height: width }),
];
align.dispose();
console.log(
  embeddings
    .map(({ buffer }) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, '0')).join(''))
    .join('\n'),
);
