// Files of a model that are URLs, as the embedded model is in a page: fetched whole, with what `progress_callback` and
// `signal` hear of that.

import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Align } from '../../src/host/align.ts';
import type { LoadOptions, ProgressInfo } from '../../src/host/options.ts';
import { hostile_server, type HostileServer } from '../support/hostile_server.ts';

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
