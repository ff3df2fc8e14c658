// A tower of the align-base shape fits into a Worker: at the peak of loading, and at that of answering, WebAssembly memory,
// JavaScript heap and external buffers together are at most 120 MB. The heap is looked at whenever a piece of the model is on
// its way, and whatever waits to be collected counts; within loading and within answering the sum is one of peaks, which need
// not have come together. What is printed beside it is the resident memory of workerd over that of one whose Worker does
// nothing: it has the other isolates (the simulated cache and R2 among them) and compiled code too.

import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import encode, { init } from '@jsquash/jpeg/encode.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import type { LoadOptions } from '../../src/host/options.ts';
import { write_align_base } from '../support/align_base.ts';
import { smooth_images } from '../support/counter_weights.ts';
import { hostile_server, type Fault, type HostileServer, type Turn } from '../support/hostile_server.ts';
import { open_inspector, type Inspector } from '../support/inspector.ts';
import { bundle_worker, start_workers, type WorkerOptions } from '../support/workers.ts';

/** Bytes, where an isolate may have 128 MB. */
const LIMIT = 120e6;

/** Bytes that the server sends before somebody looks at the heap. */
const PIECE = 2 ** 18;

const NAME = 'align-memory';
const TEXT = 'a bodega of fine vinegar, somewhere in the sun';

interface Answer {
  readonly embedding?: number[];
  readonly code?: string;
  readonly message?: string;
  readonly detail?: { readonly need: number; readonly limit: number };
}

/** What is asked of the Worker: a file of the server, from there or from R2, and how it is loaded. */
interface Order {
  readonly file: string;
  readonly from: 'http' | 'r2';
  readonly options: LoadOptions & { readonly towers: 'text' | 'vision' };
}

let folder = '';
let worker: WorkerOptions;
let server: HostileServer;
let picture: Uint8Array<ArrayBuffer>;
let idle = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'align-memory-'));
  const config = fileURLToPath(new URL('workerd_memory/wrangler.jsonc', import.meta.url));
  worker = await bundle_worker(NAME, config, join(folder, 'worker'));
  server = await hostile_server({});
  for (const [towers, dtype] of [
    ['vision', 'q8'],
    ['text', 'q8'],
    ['text', 'q4'],
  ] as const) {
    const path = join(folder, 'model');
    await write_align_base(path, dtype, towers);
    server.files.set(`/${towers}.${dtype}.bin`, await readFile(path));
  }
  picture = await photo();
  idle = await in_workerd((url) => fetch(url, { method: 'HEAD' }).then(resident));
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** A JPEG of 640 × 480. */
async function photo(): Promise<Uint8Array<ArrayBuffer>> {
  const [width, height] = [640, 480];
  const planes = smooth_images('pixel_values', [1, 3, height, width]);
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) data[4 * i + c] = 128 * (1 + planes[c * width * height + i]!);
  const wasm = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm');
  await init(await WebAssembly.compile(readFileSync(wasm)));
  return new Uint8Array(await encode({ data, width, height } as ImageData));
}

/** What `task` gives in a workerd of its own. */
async function in_workerd<T>(task: (url: URL, inspector: URL) => Promise<T>): Promise<T> {
  const workers = await start_workers([worker], (l) => console.log(l), true);
  try {
    return await task(await workers.unsafeGetDirectURL(NAME), await workers.getInspectorURL());
  } finally {
    await workers.dispose();
  }
}

/** The most bytes that the workerd of this process had in memory; 0 where there is no /proc. */
function resident(): number {
  try {
    const status = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFileSync(`/proc/${pid}/status`, 'utf8'))
      .find((text) => text.startsWith('Name:\tworkerd\n') && text.includes(`PPid:\t${process.pid}\n`));
    return 1024 * Number(/^VmHWM:\s*(\d+) kB$/m.exec(status ?? '')?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const body_of = ({ options }: Order): Uint8Array<ArrayBuffer> | string =>
  options.towers === 'text' ? TEXT : picture;

async function ask(url: URL, order: Order): Promise<Answer> {
  const { file, from, options } = order;
  const model = from === 'http' ? { model: `${server.url}/${file}` } : { key: file };
  const look = `${server.url}/look`;
  url.search = new URLSearchParams({ ...model, look, options: JSON.stringify(options) }).toString();
  return (await (await fetch(url, { method: 'POST', body: body_of(order) })).json()) as Answer;
}

/** Bytes at the peaks of loading and of answering, as they come in. */
class Peaks {
  readonly phases: Record<string, { readonly wasm: number; readonly heap: number }> = {};
  looks = 0;
  #heap = 0;
  readonly #inspector: Inspector;

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  async look(): Promise<void> {
    this.looks++;
    this.#heap = Math.max(this.#heap, await this.#inspector.heap());
  }

  end(phase: string, wasm: number): void {
    this.phases[phase] = { wasm, heap: this.#heap };
    this.#heap = 0;
  }
}

/** The server looks at the heap between the pieces of a file, and whenever the Worker asks it to. */
function watched(peaks: Peaks): Fault {
  const answer = async ({ request, response, bytes, etag, range }: Turn): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url!, server.url);
    if (pathname === '/look') {
      await peaks.look();
      const phase = searchParams.get('phase')!;
      if (phase) peaks.end(phase, Number(searchParams.get('wasm')));
      response.writeHead(200, { Connection: 'close' }).end(); // else it may be used again while the server closes it
      return;
    }
    const { start, end } = range!;
    response.writeHead(206, {
      ETag: etag,
      'Content-Length': end - start,
      'Content-Range': `bytes ${start}-${end - 1}/${bytes!.length}`,
    });
    for (let at = start; at < end && !response.destroyed; at += PIECE) {
      response.write(bytes!.subarray(at, Math.min(end, at + PIECE)));
      await peaks.look();
    }
    response.end();
  };
  return (turn) => {
    void answer(turn);
    return true;
  };
}

/** The same in Node. */
async function expected({ file, options }: Order): Promise<number[]> {
  const align = await Align.load(server.files.get(`/${file}`), { ...options, device: 'wasm' });
  const embedding =
    options.towers === 'text' ? await align.embed_text(TEXT) : await align.embed_image(picture);
  align.dispose();
  return Array.from(embedding);
}

const MB = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

test.each<Order>([
  { file: 'vision.q8.bin', from: 'http', options: { towers: 'vision' } },
  { file: 'vision.q8.bin', from: 'r2', options: { towers: 'vision' } },
  { file: 'text.q4.bin', from: 'http', options: { towers: 'text' } },
  { file: 'text.q8.bin', from: 'http', options: { towers: 'text', embeddings: 'rows' } },
  { file: 'text.q8.bin', from: 'r2', options: { towers: 'text', embeddings: 'rows' } },
])('$file by $from answers within 120 MB', async (order) => {
  const { file, from } = order;
  const [answer, { phases, looks }, most] = await in_workerd(async (url, address) => {
    const body = new Uint8Array(server.files.get(`/${file}`)!);
    if (from === 'r2') await fetch(`${url.href}?key=${file}`, { method: 'PUT', body });
    const inspector = await open_inspector(address, NAME);
    const peaks = new Peaks(inspector);
    server.fault = watched(peaks);
    const given = await ask(url, order);
    server.fault = null;
    inspector.close();
    return [given, peaks, resident()] as const;
  });
  expect(answer).toEqual({ embedding: await expected(order) });
  for (const [phase, { wasm, heap }] of Object.entries(phases))
    console.log(
      `${file} by ${from}, ${phase}: ${MB(wasm + heap)} (WebAssembly ${MB(wasm)}, others ${MB(heap)})`,
    );
  console.log(`${file} by ${from}: ${looks} looks; ${MB(most - idle)} more resident than an idle workerd`);
  expect(Object.keys(phases)).toEqual(['load', 'answer']);
  expect(looks).toBeGreaterThan(50);
  for (const { wasm, heap } of Object.values(phases)) expect(wasm + heap).toBeLessThanOrEqual(LIMIT);
});

test('max_memory is honoured: what does not fit is refused by its size, the weights before they are fetched', async () => {
  const refused = await in_workerd(async (url) => {
    const load = (max_memory: number): Promise<Answer> =>
      ask(url, { file: 'vision.q8.bin', from: 'http', options: { towers: 'vision', max_memory } });
    server.asked.length = 0;
    const weights = await load(40e6);
    const end = server.files.get('/vision.q8.bin')!.length;
    const chunk = 2 ** 21; // of its first the header was read, of its last the vocabulary
    const last = end - (end % chunk);
    expect(server.asked.map(({ headers }) => headers.range)).toEqual([
      `bytes=0-${chunk - 1}`,
      `bytes=${last}-${end - 1}`,
    ]);
    return [weights, await load(72e6)];
  });
  for (const [i, { code, message, detail }] of refused.entries()) {
    expect(code).toBe('limit_exceeded');
    expect(detail!.limit).toBe([40e6, 72e6][i]);
    expect(detail!.need).toBeGreaterThan([66e6, 75e6][i]!);
    expect(message).toContain(
      `${['the weights', 'the activations of this call'][i]} need ${detail!.need} bytes`,
    );
  }
});
