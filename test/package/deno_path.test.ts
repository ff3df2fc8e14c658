// The package as a folder that lies anywhere, in Deno: a program of another folder imports dist/deno/index.js by its path.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { DENO, program } from '../support/programs.ts';
import { run_process } from '../runtimes/processes.ts';
import { installed, root } from './package.ts';

vi.setConfig({ testTimeout: 60_000 });

const PICTURES = [`${root}examples/pictures/dog.png`, `${root}test/runtimes/photos/baseline.jpg`];
const folder = mkdtempSync(join(tmpdir(), 'align-deno-'));
let expected: number[][];

beforeAll(async () => {
  cpSync(`${installed}dist`, join(folder, 'copied'), { recursive: true }); // without the packages that it depends on
  const { Align } = (await import(`${installed}dist/index.js`)) as typeof import('../../src/host/index.ts');
  const align = await Align.load();
  expected = [];
  for (const picture of PICTURES) expected.push(Array.from(await align.embed_image(readFileSync(picture))));
  expected.push(Array.from(await align.embed_text('a dog')));
  align.dispose();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the program, the body of an async function, returns. */
async function deno(rights: readonly string[], input: Uint8Array, body: string): Promise<unknown> {
  const path = join(folder, 'program.js');
  writeFileSync(
    path,
    `import { Align } from './copied/deno/index.js';
const input = new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
console.log(JSON.stringify(await (async () => {${body}})()));`,
  );
  return run_process(program(DENO), ['run', '--no-prompt', '--no-remote', ...rights, path], input);
}

test('without a permission, where module and model are handed over', async () => {
  const files = ['align.wasm', 'align-icons.bin'].map((name) => readFileSync(`${installed}dist/${name}`));
  const all = Buffer.concat([...files, readFileSync(PICTURES[0]!)]);
  const [wasm, model] = files.map(({ length }) => length) as [number, number];
  const found = await deno(
    [],
    all,
    `const align = await Align.load({ 'model.safetensors': input.slice(${wasm}, ${wasm + model}) },
      { wasm: input.slice(0, ${wasm}) });
    const found = [await align.embed_image(input.slice(${wasm + model})), await align.embed_text('a dog')];
    return found.map((embedding) => Array.from(embedding));`,
  );
  expect(found).toEqual([expected[0], expected[2]]);
});

test('with --allow-read it finds everything by itself: on threads and in a worker, too', async () => {
  const found = await deno(
    ['--allow-read'],
    new Uint8Array(),
    `const found = [];
    for (const options of [{}, { threads: 2 }, { worker: true }, { worker: true, threads: 2 }]) {
      const align = await Align.load(undefined, options);
      const embeddings = [];
      for (const picture of ${JSON.stringify(PICTURES)}) embeddings.push(await align.embed_image(picture));
      embeddings.push(await align.embed_text('a dog'));
      found.push([align.model.threads, embeddings.map((embedding) => Array.from(embedding))]);
      align.dispose();
    }
    return found;`,
  );
  expect(found).toEqual([1, 2, 1, 2].map((threads) => [threads, expected]));
});
