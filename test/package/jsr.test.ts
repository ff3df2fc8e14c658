// The package as JSR has it: the dry run of publishing passes, and its files run from https:, here from a local server.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { make_png, random_bytes, random_lines } from '../support/png.ts';
import { DENO, program } from '../support/programs.ts';
import { manifest, root } from './package.ts';

const run = promisify(execFile);
const deno = program(DENO);
const json = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(root + path, 'utf8')) as Record<string, unknown>;

let said: string;
let files: Set<string>;
let server: Server;
let folder: string;

beforeAll(async () => {
  const args = ['publish', '--dry-run', '--allow-dirty'];
  const { stderr } = await run(deno, args, { cwd: root, env: { ...process.env, NO_COLOR: '1' } });
  said = stderr;
  files = new Set(
    Array.from(said.matchAll(/^\s+file:\/\/(\S+) \(/gm), ([, path]) => path!.slice(root.length)),
  );
  server = createServer(({ url = '' }, response) => {
    const path = url.slice(1);
    if (!files.has(path)) return void response.writeHead(404).end();
    const type = path.endsWith('.ts') ? 'application/typescript' : 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type }).end(readFileSync(root + path));
  }).listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  folder = mkdtempSync(join(tmpdir(), 'align-jsr-'));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

test('the dry run of publishing passes, with what is built and without a slow type', () => {
  expect(said).toContain('Dry run complete');
  expect(said).not.toMatch(/slow type in|error\[|warning\[/);
  for (const path of [
    'dist/align.wasm',
    'src/host/webgpu/shaders.ts',
    'weights/align-icons/model.safetensors',
  ])
    expect(files).toContain(path);
  expect([...files].filter((path) => /^(test|bench|assembly|node_modules)\/|\/cli\//.test(path))).toEqual([]);
});

test('jsr.json, deno.json and package.json agree', () => {
  const { lock, scopes, ...published } = json('deno.json');
  expect([lock, Object.keys(scopes as object)]).toEqual([false, ['./dist/']]);
  const jsr = json('jsr.json');
  expect(jsr).toEqual(published);
  expect([jsr['name'], jsr['version']]).toEqual(['@align-wasm/align-wasm', manifest.version]);
  for (const path of Object.keys(jsr['exports'] as object))
    expect(Object.keys(manifest.exports)).toContain(path);
});

test('its files run from a server: module, model and decoders are found, the bits are those of npm', async () => {
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const kind = { width: 40, height: 30, colour: 2, depth: 8, interlaced: false };
  const png = make_png(kind, [deflateSync(random_lines(kind, random_bytes(2)))]);
  const jpeg = readFileSync(`${root}test/runtimes/photos/baseline.jpg`);
  writeFileSync(join(folder, 'picture.png'), png);
  writeFileSync(join(folder, 'photo.jpg'), jpeg);
  writeFileSync(
    join(folder, 'embed.ts'),
    `import { Align } from '@align-wasm/align-wasm';
import { AlignError } from '@align-wasm/align-wasm/core';
const align = await Align.load(undefined, { cache: false, threads: 2 });
const found = [
  await align.embed_text('a dog'),
  await align.embed_image(await Deno.readFile('picture.png')),
  await align.embed_image(await Deno.readFile('photo.jpg')),
].map((embedding) => Array.from(embedding));
const refused = await Align.load(undefined, { cache: false, worker: true }).catch((error) => error);
console.log(JSON.stringify({ found, threads: align.model.threads, refused: refused instanceof AlignError && refused.code }));
`,
  );
  // What publishing writes into the imports: npm's packages, which this test has installed, and the platform.
  const { dependencies } = manifest;
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
  symlinkSync(`${root}node_modules`, join(folder, 'node_modules'));
  const { exports, imports } = json('jsr.json') as Record<string, Record<string, string>>;
  const served = (names: Record<string, string>, prefix: string): [string, string][] =>
    Object.entries(names).map(([name, path]) => [prefix + name.replace(/^\./, ''), new URL(path, base).href]);
  const map: [string, string][] = [
    ...served(exports!, '@align-wasm/align-wasm'),
    ...served(imports!, ''),
    ['@jsquash/jpeg/', `npm:/@jsquash/jpeg@${dependencies['@jsquash/jpeg']!}/`],
  ];
  writeFileSync(join(folder, 'map.json'), JSON.stringify({ imports: Object.fromEntries(map) }));
  const allowed = ['--allow-read', '--allow-env', '--allow-net=127.0.0.1', '--allow-import=127.0.0.1'];
  const args = ['run', '--no-prompt', '--no-lock', ...allowed, '--import-map', 'map.json', 'embed.ts'];
  const env = { ...process.env, DENO_DIR: join(folder, 'cache') };
  const { stdout } = await run(deno, args, { cwd: folder, env });
  const { Align } = (await import(
    `${root}test/node_modules/align-wasm/dist/index.js`
  )) as typeof import('../../src/host/index.ts');
  const align = await Align.load();
  const expected = [
    await align.embed_text('a dog'),
    await align.embed_image(png),
    await align.embed_image(jpeg),
  ];
  align.dispose();
  expect(JSON.parse(stdout)).toEqual({
    found: expected.map((embedding) => Array.from(embedding)),
    threads: 1,
    refused: 'invalid_argument',
  });
});
