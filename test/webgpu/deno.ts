// Deno: the request on standard input, the answer on standard output.

import { answer } from './answer.ts';

declare const Deno: {
  stdin: { readable: ReadableStream<Uint8Array<ArrayBuffer>> };
  stdout: { writable: WritableStream<Uint8Array<ArrayBuffer>> };
};

const request = new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
await new Response(await answer(navigator.gpu, request)).body!.pipeTo(Deno.stdout.writable);
