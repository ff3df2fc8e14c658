// Models from URLs and hubs, whole: what is asked of the server, what is kept, and what is heard of it.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { clear_cache } from '../../src/host/checkpoint/remote/cache.ts';
import {
  open_model,
  type ModelFolder,
  type ModelSource,
  type OpenOptions,
} from '../../src/host/checkpoint/model_files.ts';
import { AlignConfig } from '../../src/host/config.ts';
import { AlignModel } from '../../src/host/models.ts';
import { check_load_options, type LoadOptions, type ProgressInfo } from '../../src/host/options.ts';
import { platform } from '../../src/host/platform/node.ts';
import { golden } from '../support/edited_checkpoint.ts';
import { hostile_server, type HostileServer } from '../support/hostile_server.ts';
import { packed } from '../support/packed.ts';

const icons = fileURLToPath(new URL('../../weights/checkpoint', import.meta.url));
const FILES = [
  'config.json',
  'model.safetensors',
  'preprocessor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
];
const COMMIT = '0123456789abcdef0123456789abcdef01234567';

let server: HostileServer;
let cache = '';
let hf = '';
beforeEach(async () => {
  server = await hostile_server({});
  for (const file of FILES) {
    const bytes = await readFile(join(icons, file));
    for (const folder of [
      '/m/',
      '/align/icons/resolve/main/',
      '/icons/resolve/v1.0/',
      `/align/icons/resolve/${COMMIT}/`,
    ])
      server.files.set(folder + file, bytes);
  }
  cache = await mkdtemp(join(tmpdir(), 'align-remote-'));
  hf = join(cache, 'hf');
  vi.stubEnv('HF_HUB_CACHE', hf);
  vi.stubEnv('ALIGN_WASM_CACHE', join(cache, 'own'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await server.close();
  await rm(cache, { recursive: true, maxRetries: 5 });
});

const embedding = async (
  model: Parameters<typeof Align.load>[0],
  options: LoadOptions = {},
): Promise<string> => {
  const align = await Align.load(model, { device: 'wasm', ...options });
  const vector = await align.embed_text('a sailing boat');
  align.dispose();
  return Buffer.from(vector.buffer).toString('hex');
};
const local = embedding(icons);
const hub = (): OpenOptions => ({ host: server.url });
const chunk = 2 * 2 ** 20;

/** Bytes that the server was asked for. */
const asked_bytes = (): number =>
  server.asked.reduce((sum, { headers }) => {
    const [first, last] = /bytes=(\d+)-(\d+)/.exec(headers.range!)!.slice(1).map(Number);
    return sum + last! + 1 - first!;
  }, 0);

describe('a model', () => {
  test('by the URL of its folder, with and without a slash, and of a packed file', async () => {
    server.files.set('/icons.safetensors', Buffer.from(await packed(icons, { dtype: 'fp32' })));
    for (const path of ['/m', '/m/', '/m/?signature=secret#part', '/icons.safetensors'])
      expect(await embedding(server.url + path)).toBe(await local);
    expect(await embedding(new URL(`${server.url}/m`), { cache: false })).toBe(await local);
  });

  test('by its id on a hub, at a revision', async () => {
    expect(await embedding('align/icons', hub())).toBe(await local);
    expect(await embedding('icons', { ...hub(), host: new URL(server.url), revision: 'v1.0' })).toBe(
      await local,
    );
    server.files.set('/mirror/of/align/icons/resolve/refs%2Fpr%2F1/config.json', Buffer.from('{"a": 1}'));
    const folder = await open_model('align/icons', {
      host: `${server.url}/mirror/of/`,
      revision: 'refs/pr/1',
    });
    expect(await folder.json('config.json')).toEqual({ a: 1 });
  });

  test('a local folder of the same name comes first', async () => {
    const before = process.cwd();
    process.chdir(join(icons, '../..'));
    try {
      const folder = await open_model('weights/checkpoint', hub());
      expect(await folder.json('config.json')).toMatchObject({ model_type: 'align' });
    } finally {
      process.chdir(before);
    }
    expect(server.asked).toEqual([]);
  });

  test('in shards', async () => {
    for (const file of await readdir(golden('sharded')))
      server.files.set(`/s/${file}`, await readFile(join(golden('sharded'), file)));
    const model = await AlignModel.from_pretrained(`${server.url}/s`, { device: 'wasm' });
    expect(model.loading_info.unexpected_keys).toEqual([]);
    model.dispose();
  });

  test('is fetched in few requests, the second time in one byte a file, at a fixed commit in none', async () => {
    await embedding('align/icons', hub());
    expect(server.asked.filter(({ path }) => path.endsWith('model.safetensors')).length).toBeLessThan(5);
    server.asked.length = 0;
    expect(await embedding('align/icons', hub())).toBe(await local);
    const again = server.asked.filter(({ path }) => server.files.has(path));
    expect(again.every(({ headers }) => headers.range === 'bytes=0-0')).toBe(true);
    expect(again.length).toBe(new Set(again.map(({ path }) => path)).size);
    const fixed = { ...hub(), revision: COMMIT };
    await embedding('align/icons', fixed);
    server.asked.length = 0;
    expect(await embedding('align/icons', fixed)).toBe(await local);
    expect(server.asked.filter(({ path }) => server.files.has(path))).toEqual([]);
  });

  test('what is not read is not fetched, and what lies side by side comes in one request', async () => {
    const bytes = randomBytes(40 * 2 ** 20);
    server.files.set('/m/big.safetensors', bytes);
    const folder = await open_model(`${server.url}/m`, { cache: false });
    const source = (await folder.open('big.safetensors'))!;
    const wanted: [number, number][] = [
      [5_000_000, 12_000_000],
      [30_000_000, 30_000_100],
    ];
    source.expect!(wanted);
    for (const [start, end] of wanted)
      for (let at = start; at < end; at += 500_000) {
        const part = await source.read(at, Math.min(end, at + 500_000));
        expect(bytes.subarray(at, at + part.length).equals(part)).toBe(true);
      }
    await source.close?.();
    expect(server.asked.map(({ headers }) => headers.range)).toEqual([
      `bytes=0-${chunk - 1}`,
      `bytes=${2 * chunk}-${6 * chunk - 1}`,
      `bytes=${14 * chunk}-${15 * chunk - 1}`,
    ]);
  });

  test('a page of the hub is a model of the hub', async () => {
    const asked: string[] = [];
    const fetch = (url: string): Promise<Response> => {
      asked.push(url);
      return Promise.resolve(new Response('no', { status: 404 }));
    };
    for (const url of [
      'https://huggingface.co/kakaobrain/align-base',
      'https://huggingface.co/kakaobrain/align-base/tree/v2',
    ]) {
      const folder = await open_model(url, { fetch: fetch as typeof globalThis.fetch, cache: false });
      expect(await folder.open('model.safetensors')).toBeNull();
    }
    expect(asked).toEqual([
      'https://huggingface.co/kakaobrain/align-base/resolve/main/model.safetensors',
      'https://huggingface.co/kakaobrain/align-base/resolve/v2/model.safetensors',
    ]);
  });

  test('that is loaded four times at once is right four times', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => embedding(`${server.url}/m`)));
    expect(new Set(all)).toEqual(new Set([await local]));
  });

  test('can be saved, also after its signal was aborted', async () => {
    const controller = new AbortController();
    const model = await AlignModel.from_pretrained(`${server.url}/m`, {
      device: 'wasm',
      signal: controller.signal,
    });
    controller.abort();
    await model.save_pretrained(join(cache, 'saved'));
    model.dispose();
    expect(await readFile(join(cache, 'saved', 'config.json'), 'utf8')).toContain('align');
    const saved = await AlignModel.from_pretrained(join(cache, 'saved'), { device: 'wasm' });
    expect(saved.loading_info.unexpected_keys).toEqual([]);
    saved.dispose();
  });

  test('an abort ends its loading at once, and nothing is left under way', async () => {
    for (const silent of ['config.json', 'model.safetensors', 'tokenizer.json']) {
      server.fault = ({ request }) => request.url!.endsWith(silent);
      const controller = new AbortController();
      const loading = Align.load(`${server.url}/m`, { signal: controller.signal, cache: false });
      await expect.poll(() => server.under_way.size).toBeGreaterThan(0);
      controller.abort();
      await expect(loading).rejects.toMatchObject({ code: 'aborted' });
      await expect.poll(() => server.under_way.size).toBe(0);
    }
  });
});

describe('what is missing or refused is said', () => {
  test.each<[string, OpenOptions, RegExp]>([
    ['http://user:word@127.0.0.1/m', {}, /user name or password/],
    ['align/icons', { host: 'ftp://127.0.0.1' }, /host .*http/],
    ['align/icons', { host: 'http://user:word@127.0.0.1' }, /host has a user name or password/],
    ['align/icons', { revision: '..' }, /revision "\.\."/],
    ['align/icons', { token: 'word\nword' }, /token has characters/],
    ['align/icons', { sha256: 'abc' }, /sha256 .*64/],
    ['align/icons', { sha256: ['0'.repeat(64)] as never }, /sha256 is \["0{64}"\]: give an object/],
    ['align/icons', { sha256: new Map([['a', '0'.repeat(64)]]) as never }, /sha256 is Map/],
    ['align/icons', { sha256: { 'config.json': 'xyz' } }, /sha256 of "config.json"/],
    [
      'http://127.0.0.1/a.bin',
      { sha256: { 'a.bin': '0'.repeat(64), 'model.safetensors': '1'.repeat(64) } },
      /two sums of "model.safetensors"/,
    ],
  ])('%s %j', async (model, options, message) => {
    const error = await open_model(model, options).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(message) as string,
    });
    expect(JSON.stringify(error) + (error as Error).message + String((error as Error).stack)).not.toMatch(
      /word[@\n"]/,
    );
  });

  test.each([
    ['host', 5],
    ['revision', ''],
    ['token', ''],
    ['cache', 7],
    ['local_files_only', 'yes'],
    ['fetch', 'fetch'],
    ['sha256', 5],
    ['embeddings', 'row'],
  ])('option %s %j', (name, value) => {
    expect(() => check_load_options('load', { [name]: value })).toThrow(name);
  });

  test('a file that is needed, by its name', async () => {
    server.files.delete('/m/tokenizer.json');
    await expect(embedding(`${server.url}/m`)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('tokenizer.json') as string,
    });
    await expect(embedding(`${server.url}/absent.safetensors`)).rejects.toMatchObject({ code: 'not_found' });
    await expect(embedding('align/none', hub())).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a gated model, with what to do', async () => {
    server.fault = ({ response }) => {
      response.writeHead(403, { 'X-Error-Code': 'GatedRepo' }).end();
      return true;
    };
    await expect(AlignConfig.from_pretrained('align/icons', hub())).rejects.toMatchObject({
      code: 'network',
      hint: expect.stringMatching(/accept the terms.*token/) as string,
    });
  });

  test('other SHA-256 of any file, local ones too', async () => {
    const sum = createHash('sha256')
      .update(await readFile(join(icons, 'config.json')))
      .digest('hex');
    expect(await embedding(icons, { sha256: { 'config.json': sum } })).toBe(await local);
    for (const model of [icons, `${server.url}/m`])
      for (const sha256 of [{ 'config.json': '0'.repeat(64) }, '0'.repeat(64)])
        await expect(embedding(model, { sha256 })).rejects.toMatchObject({ code: 'integrity' });
    expect(await embedding(`${server.url}/m`)).toBe(await local);
  });
});

describe('sha256', () => {
  const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const wrong = '0'.repeat(64);
  let bytes: Buffer<ArrayBuffer>;
  beforeEach(async () => {
    bytes = Buffer.from(await packed(icons, { dtype: 'q8' }));
    server.files.set('/of%20mine.bin', bytes);
    server.files.set('/p/model.safetensors', bytes);
  });

  test('of one packed file goes by the name that it has where it lies', async () => {
    const path = join(cache, 'of mine.bin');
    await writeFile(path, bytes);
    const read = (start: number, end: number): Promise<Uint8Array> =>
      Promise.resolve(bytes.subarray(start, end));
    const models: [ModelSource, string][] = [
      [`${server.url}/of%20mine.bin?signature=secret`, 'of mine.bin'],
      [path, 'of mine.bin'],
      [pathToFileURL(path), 'of mine.bin'],
      [new File([bytes], 'of mine.bin'), 'of mine.bin'],
      [{ name: 'bucket/of mine.bin', size: bytes.length, read }, 'of mine.bin'],
      [[new File([bytes], 'mine.safetensors')], 'mine.safetensors'],
    ];
    for (const [model, name] of models)
      for (const pinned of [name, 'model.safetensors']) {
        const open = (hex: string): Promise<unknown> =>
          AlignConfig.from_pretrained(model, { sha256: { [pinned]: hex } });
        await open(sum(bytes));
        await expect(open(wrong), pinned).rejects.toMatchObject({ code: 'integrity' });
      }
  });

  test('of a file that lies in a packed one is checked there', async () => {
    const folder = await open_model(`${server.url}/p`);
    const config = sum(Buffer.from((await folder.text('config.json'))!));
    const open = (hex: string): Promise<unknown> =>
      AlignConfig.from_pretrained(`${server.url}/p`, { sha256: { 'config.json': hex } });
    await open(config);
    await expect(open(wrong)).rejects.toMatchObject({
      code: 'integrity',
      message: expect.stringContaining('config.json') as string,
    });
  });

  test('of a file that the model does not have is refused, whoever reads its files', async () => {
    const folder = await open_model(icons);
    const own: ModelFolder = {
      name: 'mine',
      open: (file) => folder.open(file),
      text: (file) => folder.text(file),
      json: (file) => folder.json(file),
    };
    const files = { 'config.json': await readFile(join(icons, 'config.json'), 'utf8') };
    const models = [`${server.url}/m`, `${server.url}/of mine.bin`, icons, own, files, bytes, undefined];
    for (const model of models)
      for (const file of ['model.safetensor', '../config.json'])
        await expect(
          Align.load(model, { sha256: { [file]: wrong } }),
          `${file} of ${typeof model}`,
        ).rejects.toMatchObject({ message: expect.stringContaining(JSON.stringify(file)) as string });
    await expect(Align.load(icons, { sha256: { 'a.json': wrong } })).rejects.toMatchObject({
      code: 'not_found',
      detail: { file: 'a.json' },
    });
    await expect(embedding(own, { sha256: wrong })).rejects.toMatchObject({ code: 'integrity' });
  });

  describe('holds for what comes after the check, too:', () => {
    const other = (): Buffer => Buffer.from(bytes.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)));
    const read = async (folder: ModelFolder): Promise<boolean> => {
      const source = (await folder.open('model.safetensors'))!;
      try {
        return bytes.equals(await source.read(0, source.size));
      } finally {
        await source.close?.();
        folder.release!();
      }
    };

    test('other bytes under the same ETag', async () => {
      const folder = await open_model(`${server.url}/p`, { sha256: sum(bytes), cache: false });
      expect(await read(folder)).toBe(true);
      server.fault = (turn) => {
        turn.good({ bytes: other() });
        return true;
      };
      await expect(read(folder)).rejects.toMatchObject({ code: 'integrity' });
    });

    test('another version, where the old one was read from the cache while the server was down', async () => {
      const options = { sha256: sum(bytes), cache };
      expect(await read(await open_model(`${server.url}/p`, options))).toBe(true);
      server.fault = ({ response }) => {
        response.writeHead(503, { 'Retry-After': '3600' }).end();
        return true;
      };
      const folder = await open_model(`${server.url}/p`, options);
      expect(await read(folder)).toBe(true);
      for (const file of await readdir(cache, { recursive: true }))
        if (file.endsWith('/0')) await rm(join(cache, file));
      server.fault = null;
      server.files.set('/p/model.safetensors', other());
      await expect(read(folder)).rejects.toMatchObject({ code: 'network' });
      await expect(read(folder)).rejects.toMatchObject({ code: 'integrity' });
    });
  });
});

describe('the token', () => {
  test('goes to its hub, and to no other server that it redirects to', async () => {
    const elsewhere = await hostile_server({});
    for (const [path, bytes] of server.files) elsewhere.files.set(path, bytes);
    server.fault = ({ request, response }) => {
      response.writeHead(302, { Location: elsewhere.url + request.url!, 'X-Linked-Etag': '"linked"' }).end();
      return true;
    };
    expect(await embedding('align/icons', { ...hub(), token: 'hf_secret' })).toBe(await local);
    expect(server.asked.every(({ headers }) => headers.authorization === 'Bearer hf_secret')).toBe(true);
    expect(elsewhere.asked.length).toBeGreaterThan(4);
    expect(elsewhere.asked.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    await elsewhere.close();
  });

  test('stands in no message and in no file of the cache', async () => {
    server.fault = ({ request, response }) => {
      if (!request.url!.includes('model.safetensors')) return false;
      response.writeHead(401).end('hf_secret');
      return true;
    };
    const options = { ...hub(), token: 'hf_secret', cache };
    const error = await embedding('align/icons', options).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'network' });
    expect(
      `${(error as Error).stack} ${JSON.stringify(error)} ${String((error as Error).cause)}`,
    ).not.toContain('secret');
    // The files beside it may still be on their way to the cache.
    await vi.waitFor(async () => {
      const files = await readdir(cache, { recursive: true, withFileTypes: true });
      expect(files.map(({ name }) => name).join()).not.toContain('partial');
      const contents = files
        .filter((file) => file.isFile())
        .map(async ({ parentPath, name }) => `${name} ${String(await readFile(join(parentPath, name)))}`);
      const all = (await Promise.all(contents)).join('\n');
      expect(contents.length).toBeGreaterThan(2);
      expect(all).not.toContain('hf_secret');
    });
  });
});

describe('progress', () => {
  test('is told in the events of transformers.js, with a total that is true from the first on', async () => {
    for (let round = 0; round < 2; round++) {
      const events: ProgressInfo[] = [];
      await embedding(`${server.url}/m`, { progress_callback: (info) => events.push(info) });
      const of = (file: string): string[] =>
        events.filter((event) => 'file' in event && event.file === file).map(({ status }) => status);
      for (const file of FILES) {
        expect(of(file).slice(0, 3), file).toEqual(['initiate', 'download', 'progress']);
        expect(of(file).at(-1), file).toBe('done');
      }
      const totals = events.filter((event) => event.status === 'progress_total');
      expect(new Set(totals.map(({ total }) => total)).size).toBe(1);
      const last = totals.at(-1)!;
      expect(last).toMatchObject({ loaded: last.total, progress: 100, name: `${server.url}/m` });
      expect(Object.keys(last.files).sort()).toEqual(FILES);
      expect(Object.values(last.files).reduce((sum, { total }) => sum + total, 0)).toBe(last.total);
      expect(events.at(-1)).toEqual({ status: 'ready' });
    }
  });
});

describe('the cache', () => {
  const files = async (folder: string): Promise<string[]> =>
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));

  test('false writes nothing', async () => {
    const written = vi.spyOn(platform, 'cache');
    await embedding('align/icons', { ...hub(), cache: false });
    expect(written).not.toHaveBeenCalled();
    expect(await files(cache)).toEqual([]);
  });

  test('alone is enough for local_files_only, and what it lacks is named', async () => {
    const offline = { ...hub(), local_files_only: true };
    await expect(embedding('align/icons', offline)).rejects.toMatchObject({ code: 'not_found' });
    await AlignConfig.from_pretrained('align/icons', hub());
    await expect(AlignModel.from_pretrained('align/icons', offline)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringMatching(/cache of align\/icons.*model\.safetensors/) as string,
    });
    await embedding('align/icons', hub());
    server.asked.length = 0;
    expect(await embedding('align/icons', offline)).toBe(await local);
    expect(server.asked).toEqual([]);
  });

  test('serves while the server is down', async () => {
    await embedding(`${server.url}/m`);
    server.fault = ({ response }) => {
      response.writeHead(503, { 'Retry-After': '9999' }).end();
      return true;
    };
    expect(await embedding(`${server.url}/m`)).toBe(await local);
  });

  test('notices a damaged, a shortened and a lost chunk', async () => {
    await embedding(`${server.url}/m`, { cache });
    const all = await files(cache);
    for (const [i, file] of all.entries()) {
      const bytes = await readFile(file);
      if (i % 3 === 0)
        await writeFile(
          file,
          bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte)),
        );
      else if (i % 3 === 1) await writeFile(file, bytes.subarray(0, bytes.length >> 1));
      else await rm(file);
    }
    expect(await embedding(`${server.url}/m`, { cache })).toBe(await local);
    server.asked.length = 0;
    expect(await embedding(`${server.url}/m`, { cache, local_files_only: true })).toBe(await local);
  });

  test('keeps no older version, and never mixes two', async () => {
    const path = '/m/config.json';
    await embedding(`${server.url}/m`, { cache });
    const before = (await files(cache)).length;
    server.files.set(path, Buffer.concat([server.files.get(path)!, Buffer.from('\n')]));
    expect(await embedding(`${server.url}/m`, { cache })).toBe(await local);
    expect((await files(cache)).length).toBe(before);
  });

  test('a download that broke off goes on where it was', async () => {
    const bytes = randomBytes(9 * 2 ** 20);
    server.files.set('/m/big.safetensors', bytes);
    const read = async (end: number): Promise<Buffer> => {
      const folder = await open_model(`${server.url}/m`, { cache });
      const source = (await folder.open('big.safetensors'))!;
      const part = Buffer.from(await source.read(0, end));
      await source.close?.();
      return part;
    };
    await read(5 * 2 ** 20);
    server.asked.length = 0;
    expect((await read(bytes.length)).equals(bytes)).toBe(true);
    expect(asked_bytes()).toBe(bytes.length - 3 * chunk + 1);
  });

  test.each(['a full disk', 'a file where its folder should be'])('%s is survived', async (what) => {
    const place = join(cache, 'place');
    if (what === 'a full disk') {
      const store = await platform.cache(place);
      vi.spyOn(platform, 'cache').mockResolvedValue({
        ...store!,
        put: () => Promise.reject(new Error('ENOSPC')),
      });
    } else await writeFile(place, 'x');
    expect(await embedding(`${server.url}/m`, { cache: place })).toBe(await local);
  });

  test('clear_cache() takes what is ours, and nothing else', async () => {
    await embedding(`${server.url}/m`, { cache });
    await embedding(`${server.url}/m`);
    await writeFile(join(cache, 'mine.txt'), 'x');
    await clear_cache({ cache });
    await clear_cache();
    expect(await files(cache)).toEqual([join(cache, 'mine.txt')]);
    await clear_cache({ cache: join(cache, 'never was') });
  });
});

describe("huggingface_hub's cache", () => {
  /** The model as huggingface_hub keeps it. */
  async function fill(config: Buffer): Promise<void> {
    const repo = join(hf, 'models--align--icons');
    await mkdir(join(repo, 'refs'), { recursive: true });
    await mkdir(join(repo, 'blobs'));
    await mkdir(join(repo, 'snapshots', COMMIT), { recursive: true });
    await writeFile(join(repo, 'refs', 'main'), COMMIT);
    for (const file of FILES) {
      const bytes = file === 'config.json' ? config : await readFile(join(icons, file));
      const name = createHash('sha256').update(bytes).digest('hex');
      await writeFile(join(repo, 'blobs', name), bytes);
      await symlink(join('..', '..', 'blobs', name), join(repo, 'snapshots', COMMIT, file));
    }
  }
  const config = (): Promise<Buffer> => readFile(join(icons, 'config.json'));

  test('serves offline, at a commit, and while the server is down', async () => {
    await fill(await config());
    expect(await embedding('align/icons', { ...hub(), local_files_only: true })).toBe(await local);
    expect(await embedding('align/icons', { ...hub(), revision: COMMIT })).toBe(await local);
    expect(server.asked.every(({ path }) => !server.files.has(path))).toBe(true);
    server.fault = ({ response }) => {
      response.writeHead(500, { 'Retry-After': '9999' }).end();
      return true;
    };
    expect(await embedding('align/icons', hub())).toBe(await local);
  });

  test('is taken where the hub says that it is still right, and is never written', async () => {
    await fill(Buffer.from('{"model_type": "other"}'));
    const before = await readdir(hf, { recursive: true });
    server.fault = (turn) => {
      if (!turn.bytes) return false;
      const sum = createHash('sha256').update(turn.bytes).digest('hex');
      turn.good({ headers: { 'X-Linked-Etag': `"${sum}"` } });
      return true;
    };
    // config.json is another one there than on the hub.
    expect(await embedding('align/icons', hub())).toBe(await local);
    const weights = server.asked.filter(({ path }) => path.endsWith('model.safetensors'));
    expect(weights.map(({ headers }) => headers.range)).toEqual(['bytes=0-0']);
    expect(await readdir(hf, { recursive: true })).toEqual(before);
  });
});
