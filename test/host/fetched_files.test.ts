// Files of a model that are URLs, as the embedded model is in a page: fetched whole, with what `progress_callback` and
// `signal` hear of that.

import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import { open_model } from '../../src/host/checkpoint/model_files.ts';
import { RawImage } from '../../src/host/image.ts';
import type { LoadOptions, ProgressInfo } from '../../src/host/options.ts';
import { AlignIndex } from '../../src/host/search/align_index.ts';
import { refused } from '../support/bad_calls.ts';
import { hostile_server, type Fault, type HostileServer } from '../support/hostile_server.ts';

const HALF = 1_000_000;
const bytes = await readFile(new URL('../../dist/align-icons.bin', import.meta.url));

let server: HostileServer;
/** Sends what the server holds back. */
let go_on: () => void;
beforeEach(async () => {
  server = await hostile_server({ '/icons.bin': bytes });
  const going_on = new Promise<void>((resolve) => (go_on = resolve));
  server.fault = ({ response }) => {
    response.writeHead(200, { 'Content-Length': bytes.length });
    response.write(bytes.subarray(0, HALF));
    void going_on.then(() => response.end(bytes.subarray(HALF)));
    return true;
  };
});
afterEach(() => server.close());

const load = (options: LoadOptions): Promise<Align> =>
  Align.load({ 'model.safetensors': new URL(`${server.url}/icons.bin`) }, options);

test.each([{}, { worker: true }])('progress is told while they come: %o', async (options) => {
  const events: ProgressInfo[] = [];
  let half!: () => void;
  const half_there = new Promise<void>((resolve) => (half = resolve));
  const loading = load({
    ...options,
    progress_callback: (info) => {
      events.push(info);
      if (info.status === 'progress' && info.loaded >= HALF) half();
    },
  });
  await half_there; // of which the server has sent no more yet
  go_on();
  (await loading).dispose();

  const told = events.filter(({ status }) => !status.startsWith('progress')).map(({ status }) => status);
  expect(told).toEqual(['initiate', 'download', 'done', 'ready']);
  const totals = events.filter((info) => info.status === 'progress_total');
  expect(new Set(totals.map(({ total }) => total))).toEqual(new Set([bytes.length]));
  const loaded = totals.map((info) => info.loaded);
  expect(loaded).toEqual([...new Set(loaded)].sort((a, b) => a - b));
  expect(loaded.at(-1)).toBe(bytes.length);
});

test('without a length, or packed on the way, progress is told as they are read', async () => {
  for (const headers of [{ 'Transfer-Encoding': 'chunked' }, { 'Content-Encoding': 'identity' }]) {
    server.fault = ({ response }) => {
      response.writeHead(200, { ...headers }).end(bytes);
      return true;
    };
    const events: ProgressInfo[] = [];
    (await load({ progress_callback: (info) => events.push(info) })).dispose();
    const last = events.filter((info) => info.status === 'progress_total').at(-1)!;
    expect(last).toMatchObject({ loaded: last.total, progress: 100 });
    expect(last.total).toBeLessThan(bytes.length); // the weights alone
  }
});

test('an abort is heard at once, and what progress_callback throws ends the load', async () => {
  const abort = new AbortController();
  const progress_callback = (): void => abort.abort();
  await expect(load({ progress_callback, signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
  const thrown = new Error('enough');
  const throws = (): never => {
    throw thrown;
  };
  await expect(load({ progress_callback: throws })).rejects.toBe(thrown);
});

/** A body without an end, and how much of it was sent when nobody took more. */
function endless(): { fault: Fault; sent: () => number } {
  let sent = 0;
  const part = Buffer.alloc(2 ** 20, ' ');
  const fault: Fault = ({ response }) => {
    response.writeHead(200);
    const go_on = (): void => {
      while (!response.destroyed && response.write(part)) sent += part.length;
      sent += part.length;
      if (!response.destroyed) response.once('drain', go_on);
    };
    go_on();
    return true;
  };
  return { fault, sent: () => sent };
}

test('an endless text file is left at the limit, packed or not', async () => {
  const packed = gzipSync(Buffer.alloc(100 * 2 ** 20, ' '), { level: 1 });
  for (const model of [{ 'config.json': new URL(`${server.url}/config.json`) }, new URL(`${server.url}/`)]) {
    const load = (): Promise<unknown> =>
      open_model(model, { cache: false }).then((folder) => folder.json('config.json'));
    const { fault, sent } = endless();
    server.fault = fault;
    await refused('too_large', ['config.json has more than 67108864 bytes'], load);
    await expect.poll(() => server.under_way.size).toBe(0);
    expect(sent()).toBeLessThan(2 * 2 ** 26);
    server.fault = ({ response }) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(packed);
      return true;
    };
    await refused('too_large', ['config.json has more than 67108864 bytes'], load);
  }
});

test('so is a picture, and one that says it is too large is not begun', async () => {
  const { fault, sent } = endless();
  server.fault = fault;
  await refused('too_large', ['67108864'], () => RawImage.read(`${server.url}/x.png`));
  await expect.poll(() => server.under_way.size).toBe(0);
  expect(sent()).toBeLessThan(2 * 2 ** 26);
  server.fault = ({ response }) => {
    response.writeHead(200, { 'Content-Length': 2 ** 40 }).write('x');
    return true;
  };
  await refused('too_large', ['67108864'], () => RawImage.read(`${server.url}/x.png`));
});

test('a server that is not there, or breaks off', async () => {
  const gone = new URL('http://127.0.0.1:1/x');
  server.fault = ({ response }) => {
    response.writeHead(200, { 'Content-Length': 5000 }).write('{', () => response.destroy());
    return true;
  };
  const other = new URL('ftp://127.0.0.1/x');
  for (const url of [gone, other, new URL(`${server.url}/x`)]) {
    const reads = [
      () => open_model({ 'config.json': url }).then((folder) => folder.json('config.json')),
      () => AlignIndex.load(url),
      () => RawImage.read(url),
    ];
    for (const read of reads) await refused(url === other ? 'invalid_argument' : 'network', [url.href], read);
  }
});
