// examples/cloudflare-pipeline, bundled by wrangler and run in workerd with R2, Queues and D1: from upload to search.

import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Align, AlignIndex } from '../../src/host/index.ts';
import { bundle_worker, start_workers, type Workers } from '../support/workers.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = fileURLToPath(new URL('../../', import.meta.url));
const pictures = join(root, 'examples/pictures');
const log: string[] = [];
let [folder, workers, model] = ['', null! as Workers, null! as Align];

type Body = { error?: { code: string; message: string }; [name: string]: unknown };

/** Asks a Worker; gives the status of its answer, and the answer. */
async function ask(worker: string, path: string, init: RequestInit = {}): Promise<[number, Body]> {
  const response = await fetch(new URL(path, await workers.unsafeGetDirectURL(worker)), init);
  return [response.status, (await response.json()) as Body];
}

/** Announces a body of so many bytes and waits for the answer before sending any. */
async function announce(worker: string, path: string, method: string, bytes: number): Promise<unknown> {
  const url = new URL(path, await workers.unsafeGetDirectURL(worker));
  const asked = request(url, { method, headers: { ...headers, 'content-length': bytes } });
  asked.flushHeaders();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const { error } = (await json(response)) as Body;
  asked.destroy();
  return [response.statusCode, error?.code];
}

const headers = { authorization: 'Bearer secret' };
const put = (key: string, body: Uint8Array) =>
  ask('align-embed', `/pictures/${encodeURIComponent(key)}`, {
    method: 'PUT',
    headers,
    body: new Uint8Array(body),
  });
const picture = (name: string) => readFile(join(pictures, name));

interface Row {
  key: string;
  etag: string | null;
  embedding: number[] | null;
  version: number;
}
async function query<T>(sql: string): Promise<T[]> {
  const [status, { results }] = await ask('probe', '/', { method: 'POST', body: JSON.stringify({ sql }) });
  expect(status, sql).toBe(200);
  return results as T[];
}
const rows = () => query<Row>('SELECT * FROM pictures ORDER BY key');
const broken = () => query<{ key: string; code: string }>('SELECT key, code FROM broken ORDER BY key');

/** Waits until `found` gives something true. */
const until = <T>(found: () => T | Promise<T>) =>
  vi.waitUntil(found, { timeout: 20_000, interval: 100 }) as Promise<T>;

/** A Worker on the same database and queue, which does what the test says. */
const PROBE = `export default { async fetch(request, { DB, UPLOADS }) {
  const { sql, message } = await request.json();
  if (message) await UPLOADS.send(message);
  return Response.json(sql ? await DB.prepare(sql).all() : {});
} }`;

beforeAll(async () => {
  // As a project of its own, with this package installed.
  folder = await mkdtemp(join(tmpdir(), 'align-pipeline-'));
  const filter = (path: string): boolean => !path.includes('node_modules');
  await cp(join(root, 'examples/cloudflare-pipeline'), folder, { recursive: true, filter });
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules/align-wasm'));
  const bundle = (name: string) =>
    bundle_worker(`align-${name}`, join(folder, `wrangler.${name}.jsonc`), join(folder, 'out', name));
  const [embed, search] = await Promise.all([bundle('embed'), bundle('search')]);
  const { d1Databases, queueProducers } = embed;
  const probe = { name: 'probe', modules: true, script: PROBE, d1Databases, queueProducers };
  const bindings = { UPLOAD_TOKEN: 'secret' };
  workers = await start_workers([{ ...embed, bindings }, search, probe], (line) => log.push(line));
  const schema = (await readFile(join(folder, 'schema.sql'), 'utf8')).replace(/--.*/g, '');
  for (const statement of schema.split(';').filter((text) => text.trim() !== '')) await query(statement);
  model = await Align.load();
});

afterAll(async () => {
  model.dispose();
  await workers.dispose();
  await rm(folder, { recursive: true });
});

test('good pictures get the embeddings that they get in Node, broken ones are put aside with the reason', async () => {
  const good = new Map(
    await Promise.all(
      (await readdir(pictures))
        .filter((name) => name.endsWith('.png'))
        .map(async (name) => [name, await picture(name)] as const),
    ),
  );
  good.set('a photo.jpg', await readFile(join(root, 'test/runtimes/photos/rotated.jpg')));
  const dog = await picture('dog.png');
  for (const [key, bytes] of good) expect(await put(key, bytes)).toEqual([202, { key, status: 'queued' }]);
  await put('cut.png', dog.subarray(0, 2000));
  await put('text.png', Buffer.from('no picture'));

  await until(async () => (await rows()).length === good.size && (await broken()).length === 2);
  expect(await broken()).toEqual([
    { key: 'cut.png', code: 'corrupt_image' },
    { key: 'text.png', code: 'unsupported_image' },
  ]);
  for (const { key, embedding } of await rows())
    expect(new Float32Array(Uint8Array.from(embedding!).buffer), key).toEqual(
      await model.embed_image(good.get(key)!),
    );
});

test('searches by words and by pictures give the results of Node, in every bit', async () => {
  const index = await AlignIndex.create({ dimensions: 256 });
  for (const { key, embedding } of await rows())
    index.add(key, new Float32Array(Uint8Array.from(embedding!).buffer));
  const expected = (query: Float32Array, k: number) =>
    index.search(query, k).map(({ id, score }) => ({ key: id, score }));

  for (const text of ['a sailboat', 'food', 'ein Hund & Ünïcode']) {
    const [status, body] = await ask('align-search', `/search?k=20&q=${encodeURIComponent(text)}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ size: index.size, results: expected(await model.embed_text(text), 20) });
  }
  const body = new Uint8Array(await picture('bus.png'));
  const [, { results }] = await ask('align-search', '/search?k=3', { method: 'POST', body });
  expect(results).toEqual(expected(await model.embed_image(body), 3));
  expect((results as { key: string }[])[0]!.key).toBe('bus.png');
});

test('what fails is tried again; after the last try it is put aside; a later upload mends it', async () => {
  const attempts = (key: string) => log.filter((line) => line.includes(`"key":"${key}","attempt":`)).length;
  await query('ALTER TABLE pictures RENAME TO away'); // the store is down
  await put('late.png', await picture('fish.png'));
  await until(async () => (await broken()).some(({ key, code }) => key === 'late.png' && code === 'gave_up'));
  expect(attempts('late.png')).toBe(4); // the first and three more
  await put('soon.png', await picture('lock.png'));
  await until(() => attempts('soon.png') > 0);
  await query('ALTER TABLE away RENAME TO pictures');
  await until(async () => (await rows()).some(({ key }) => key === 'soon.png'));
  expect(attempts('soon.png')).toBeLessThan(4);
  await put('late.png', await picture('fish.png'));
  await until(async () => (await rows()).some(({ key }) => key === 'late.png'));
  expect((await broken()).map(({ key }) => key)).toEqual(['cut.png', 'text.png']);
});

test('a message that comes twice changes nothing; replaced and deleted pictures are followed by the search', async () => {
  const sum = async (key: string) => (await rows()).find((row) => row.key === key)!;
  const search = async (q: string) => (await ask('align-search', `/search?k=100&q=${q}`))[1];
  const before = await sum('dog.png');
  const size = (await search('dog')).size as number;
  const message = { action: 'PutObject', object: { key: 'dog.png' } };
  for (let i = 0; i < 3; i++) await ask('probe', '/', { method: 'POST', body: JSON.stringify({ message }) });

  await put('soon.png', await picture('pizza.png')); // it was a lock
  await ask('align-embed', '/pictures/late.png', { method: 'DELETE', headers });
  await until(async () => (await sum('late.png')).embedding === null);
  const pizza = (await sum('pizza.png')).embedding;
  await until(async () => String((await sum('soon.png')).embedding) === String(pizza));
  expect(await sum('dog.png')).toEqual(before);

  const found = await search('pizza');
  const score = (key: string) =>
    (found.results as { key: string; score: number }[]).find((result) => result.key === key)?.score;
  expect(found.size).toBe(size - 1);
  expect(score('late.png')).toBeUndefined();
  expect(score('soon.png')).toBe(score('pizza.png'));
});

test('what is asked wrongly is refused in JSON', async () => {
  const large = 8 * 2 ** 20 + 1;
  expect(await announce('align-embed', '/pictures/x.png', 'PUT', large)).toEqual([413, 'too_large']);
  expect(await announce('align-search', '/search', 'POST', large)).toEqual([413, 'too_large']);
  const cases: [status: number, code: string, worker: string, path: string, init: RequestInit][] = [
    [401, 'unauthorized', 'align-embed', '/pictures/x.png', { method: 'PUT', body: 'x' }],
    [400, 'invalid_argument', 'align-embed', '/pictures/x.png', { method: 'PUT', body: '', headers }],
    [404, 'not_found', 'align-embed', '/', { headers }],
    [404, 'not_found', 'align-search', '/', {}],
    [400, 'invalid_argument', 'align-search', '/search', {}],
    [400, 'invalid_argument', 'align-search', '/search?q=%20', {}],
    [400, 'invalid_argument', 'align-search', `/search?q=${'x'.repeat(501)}`, {}],
    [400, 'invalid_argument', 'align-search', '/search?q=dog&k=0', {}],
    [415, 'unsupported_image', 'align-search', '/search', { method: 'POST', body: 'no picture' }],
  ];
  for (const [status, code, worker, path, init] of cases) {
    const [actual, { error }] = await ask(worker, path, init);
    expect([actual, error?.code], path).toEqual([status, code]);
    expect(error!.message.length).toBeGreaterThan(10);
  }
});
