// align-wasm/core as installed: the same bits as the whole package, in every runtime, from what is handed over alone.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as Core from '../../src/host/core.ts';
import type * as Whole from '../../src/host/index.ts';
import type * as Pictures from '../../src/host/pictures.ts';
import { BUN, DENO, NEWEST_NODE, program } from '../support/programs.ts';
import { make_png, random_bytes, random_lines } from '../support/png.ts';
import { installed } from './package.ts';

const load = async <T>(path: string): Promise<T> => (await import(`${installed}dist/${path}`)) as T;
const wasm = new Uint8Array(readFileSync(`${installed}dist/align.wasm`));
const model = new Uint8Array(readFileSync(`${installed}dist/align-icons.bin`));
const kind = { width: 48, height: 40, colour: 6, depth: 8, interlaced: false };
const png = new Uint8Array(make_png(kind, [deflateSync(random_lines(kind, random_bytes(1)))]));

let core: typeof Core;
let whole: typeof Whole;
let server: Server;

beforeAll(async () => {
  core = await load('core/index.js');
  whole = await load('index.js');
  server = createServer((_, response) => response.end(wasm)).listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
});
afterAll(() => server.close());

/** (module (func (export "abi_version") (result i32) i32.const 99)) */
const OTHER_VERSION = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 15, 1, 11],
  ...new TextEncoder().encode('abi_version'),
  ...[0, 0, 10, 7, 1, 5, 0, 65, 227, 0, 11],
]);
const NOT_OURS = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

describe('The option wasm', () => {
  const url = (): URL => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/align.wasm`);
  const given: Record<string, () => unknown> = {
    'a Module': () => new WebAssembly.Module(wasm),
    bytes: () => wasm,
    'an ArrayBuffer': () => wasm.buffer,
    'a Response': () => new Response(wasm),
    'an http URL': url,
    'a file URL': () => pathToFileURL(`${installed}dist/align.wasm`),
    'the text of a URL': () => url().href,
  };
  test.each(['core', 'whole'] as const)('may be a Module, bytes, a Response or a URL: %s', async (name) => {
    const { BertTokenizer } = name === 'core' ? core : whole;
    for (const [what, make] of Object.entries(given)) {
      const tokenizer = await BertTokenizer.from_pretrained(model, { wasm: make() as Uint8Array });
      expect(tokenizer.call('a dog').input_ids.size, what).toBeGreaterThan(3);
    }
  });

  test.each(['core', 'whole'] as const)(
    'of another version, or no module of ours, is refused: %s',
    async (name) => {
      const { Align } = name === 'core' ? core : whole;
      for (const [bytes, said] of [
        [OTHER_VERSION, 'ABI version 99'],
        [NOT_OURS, 'ABI version undefined'],
      ] as const)
        await expect(Align.load(model, { wasm: bytes })).rejects.toMatchObject({
          code: 'abi_mismatch',
          message: expect.stringContaining(said) as string,
          hint: expect.stringContaining('this version of the package') as string,
        });
      await expect(Align.load(model, { wasm: new Uint8Array(9) })).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    },
  );
});

describe('What core leaves out is refused, with the remedy', () => {
  const cases: readonly [string, string, string, () => Promise<unknown>][] = [
    ['no module', 'not_found', 'option wasm', () => core.Align.load(model)],
    ['no model', 'model_required', "'align-wasm/align-icons'", () => core.Align.load(undefined, { wasm })],
    ['a hub id', 'model_required', 'bytes', () => core.Align.load('kakaobrain/align-base', { wasm })],
    ['a URL', 'model_required', 'bytes', () => core.Align.load(new URL('https://example.org/x/'), { wasm })],
    ['WebGPU', 'gpu_unavailable', "'wasm'", () => core.Align.load(model, { wasm, device: 'webgpu' })],
    ['a worker', 'invalid_argument', 'worker', () => core.Align.load(model, { wasm, worker: true })],
    ['sha256', 'invalid_argument', 'bytes', () => core.Align.load(model, { wasm, sha256: '0'.repeat(64) })],
    ['a file', 'unsupported_image', 'align-wasm/image', () => core.RawImage.read(png)],
  ];
  test.each(cases)('%s', async (_, code, hint, call) => {
    await expect(call()).rejects.toMatchObject({ code, hint: expect.stringContaining(hint) as string });
  });
});

/** What core_host.mjs prints. */
async function hosted(command: string, args: readonly string[]): Promise<string[]> {
  const child = spawn(command, [...args, 'core_host.mjs'], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  child.stdin.on('error', () => undefined); // the exit status says why
  child.stdin.end(Buffer.concat([new Uint8Array(Uint32Array.of(wasm.length).buffer), wasm, model]));
  const status = await new Promise((ended) => child.once('close', ended));
  if (status !== 0) throw new Error(`${command}: ${String(status)} ${err.join('')}`);
  return out.join('').trim().split('\n');
}

describe('The same bits as the whole package', () => {
  const width = 40;
  const data = Uint8Array.from({ length: width * width * 3 }, (_, i) => (i * 7) % 251);
  const hex = ({ buffer }: Float32Array): string => Buffer.from(buffer as ArrayBuffer).toString('hex');
  let expected: string[];

  beforeAll(async () => {
    const align = await whole.Align.load();
    const picture = { data, width, height: width };
    expected = [await align.embed_text('a magnifying glass'), await align.embed_image(picture)].map(hex);
    align.dispose();
  });

  test.each<[string, () => string, string[]]>([
    ['this Node', () => process.execPath, []],
    ['the newest Node', () => program(NEWEST_NODE), []],
    ['Deno without any permission', () => program(DENO), ['run', '--no-prompt', '--no-remote']],
    ['Bun', () => program(BUN), []],
  ])('in %s', async (_, command, args) => {
    expect(await hosted(command(), args)).toEqual(expected);
  });

  test("of a file's picture by align-wasm/image, alpha and all", async () => {
    const { read_picture } = await load<typeof Pictures>('pictures.js');
    const picture = await read_picture(png);
    expect((picture as unknown as { channels: number }).channels).toBe(4);
    const [small, large] = [await core.Align.load(model, { wasm }), await whole.Align.load()];
    expect(hex(await small.embed_image(picture))).toBe(hex(await large.embed_image(png)));
    small.dispose();
    large.dispose();
    await expect(read_picture({} as Uint8Array)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(read_picture(png, { max_pixels: 10 })).rejects.toMatchObject({ code: 'too_large' });
  });
});
