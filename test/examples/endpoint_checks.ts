// What examples/deno and examples/cloudflare must answer alike: good pictures as Node would, everything else a status and
// a code, whatever else is asked at the same time.

import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { deflateSync } from 'node:zlib';
import { expect } from 'vitest';
import { Align } from '../../src/host/index.ts';
import { make_png } from '../support/png.ts';
import { root, shell } from './readme.ts';

/** An answer: its status, and the labels or the error's code. */
type Answer = readonly [status: number, result: unknown];

const file = (path: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(root + path));
const dog = file('examples/pictures/dog.png');

const PICTURES: readonly Uint8Array<ArrayBuffer>[] = [
  ...readdirSync(`${root}examples/pictures`)
    .filter((name) => name.endsWith('.png'))
    .map((name) => file(`examples/pictures/${name}`)),
  ...['baseline', 'grey', 'rotated'].map((name) => file(`test/runtimes/photos/${name}.jpg`)),
];

/** 2400 x 2000 pixels, all of one colour. */
const LARGE = new Uint8Array(
  make_png({ width: 2400, height: 2000, colour: 0, depth: 1, interlaced: false }, [
    deflateSync(Buffer.alloc(2000 * (1 + 2400 / 8))),
  ]),
);

async function answer_of(response: Response): Promise<Answer> {
  const { labels, error } = (await response.json()) as {
    labels?: unknown;
    error?: { code: string; message: string };
  };
  if (error) expect(error.message.length).toBeGreaterThan(10);
  return [response.status, labels ?? error?.code];
}

const post = async (url: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Answer> =>
  answer_of(await fetch(url, { method: 'POST', body, headers }));

function form(name: string, value: string | Blob): FormData {
  const data = new FormData();
  data.set(name, value);
  return data;
}

/** Sends a request byte by byte as it is given, and maybe no more after it; gives the status and code that come back. */
function raw(url: string, request: readonly (string | Uint8Array)[], end = false): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      for (const part of request) socket.write(part);
      if (end) socket.end();
    });
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
      const found = /^HTTP\/1.1 (\d+)[^]*"code":"(\w+)"/.exec(text);
      if (!found) return;
      socket.destroy();
      resolve([Number(found[1]), found[2]]);
    });
    socket.on('error', reject).on('close', () => reject(new Error(`No answer: ${text}`)));
  });
}

const HEAD = 'POST / HTTP/1.1\r\nHost: localhost\r\n';
/** A chunk of 64 KiB. */
const CHUNK = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65536), Buffer.from('\r\n')]);

/** Requests that are at fault, with their answers. */
const BAD: Readonly<Record<string, readonly [ask: (url: string) => Promise<Answer>, ...Answer]>> = {
  'another path': [async (url) => answer_of(await fetch(`${url}cat.png`)), 404, 'not_found'],
  'another method': [
    async (url) => answer_of(await fetch(url, { method: 'PUT', body: dog })),
    405,
    'method_not_allowed',
  ],
  nothing: [(url) => post(url, ''), 400, 'invalid_argument'],
  'no body': [async (url) => answer_of(await fetch(url, { method: 'POST' })), 400, 'invalid_argument'],
  'a text': [(url) => post(url, 'no picture'), 415, 'unsupported_image'],
  'a picture cut off': [(url) => post(url, dog.subarray(0, 2000)), 422, 'corrupt_image'],
  'a damaged picture': [
    (url) =>
      post(
        url,
        dog.map((byte, i) => (i > 500 && i < 600 ? byte ^ 255 : byte)),
      ),
    422,
    'corrupt_image',
  ],
  'too many pixels': [(url) => post(url, LARGE), 413, 'too_large'],
  'too many bytes': [(url) => post(url, new Uint8Array(4 * 2 ** 20 + 1)), 413, 'too_large'],
  'too many bytes announced': [
    (url) => raw(url, [HEAD, 'Content-Length: 99999999999\r\n\r\n']),
    413,
    'too_large',
  ],
  'too many bytes, not announced': [
    (url) => raw(url, [HEAD, 'Transfer-Encoding: chunked\r\n\r\n', ...Array<Buffer>(65).fill(CHUNK)]),
    413,
    'too_large',
  ],
  'a form without a file': [(url) => post(url, form('picture', 'dog')), 400, 'invalid_argument'],
  'a malformed form': [
    (url) => post(url, 'nonsense', { 'content-type': 'multipart/form-data; boundary=x' }),
    400,
    'invalid_argument',
  ],
  'a form with a text file': [
    (url) => post(url, form('picture', new Blob(['no picture']))),
    415,
    'unsupported_image',
  ],
  'a body that breaks off': [
    (url) => raw(url, [HEAD, 'Content-Length: 5000\r\n\r\n', dog.subarray(0, 900)], true),
    400,
    'invalid_argument',
  ],
};

/** Sends a request and goes away before its answer, while it is sent or after. */
async function leave(url: string): Promise<void> {
  const gone = new AbortController();
  setTimeout(() => gone.abort(), 30 * Math.random());
  await fetch(url, { method: 'POST', body: dog, signal: gone.signal }).catch(() => undefined);
}

/** What this package in Node answers for pictures, for the labels that an endpoint says it knows. */
async function expected_answers(url: string): Promise<Answer[]> {
  const about = (await (await fetch(url)).json()) as { labels: string[]; limits: { max_bytes: number } };
  expect(about.limits.max_bytes).toBe(4 * 2 ** 20);
  expect(about.labels.length).toBeGreaterThan(10);
  const model = await Align.load();
  const labels = await model.label_set(about.labels);
  const results = await model.classify(PICTURES, labels, { top_k: 3 });
  model.dispose();
  return results.map((result) => [200, result]);
}

/** Good requests alone, as bodies and as forms, and bad ones alone. */
export async function check_answers(url: string): Promise<void> {
  const expected = await expected_answers(url);
  for (const [i, picture] of PICTURES.entries()) expect(await post(url, picture)).toEqual(expected[i]);
  expect(await post(url, form('picture', new Blob([PICTURES[0]!])))).toEqual(expected[0]);
  for (const [name, [ask, status, code]] of Object.entries(BAD))
    expect(await ask(url), name).toEqual([status, code]);
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  const wrong = await fetch(url, { method: 'DELETE' });
  expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST');
}

/**
 * 64 clients at once, each with several requests, good and bad in turn, and clients that go away. One sends a part of its
 * picture and then nothing.
 */
export async function check_crowd(url: string): Promise<void> {
  const expected = await expected_answers(url);
  const bad = Object.entries(BAD);
  const stalled = raw(url, [HEAD, 'Content-Length: 5000\r\n\r\n', dog.subarray(0, 900)]);
  const client = async (n: number): Promise<void> => {
    for (let i = n; i < n + 3; i++) {
      const [name, [ask, status, code]] = bad[i % bad.length]!;
      const picture = i % PICTURES.length;
      if (i % 3 === 0) await leave(url);
      else if (i % 3 === 1) expect(await ask(url), name).toEqual([status, code]);
      else expect(await post(url, PICTURES[picture]!)).toEqual(expected[picture]);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, n) => client(n)));
  expect(await stalled).toEqual([408, 'aborted']);
  expect(await post(url, PICTURES[0]!)).toEqual(expected[0]);
}

/** The commands of a README that post dog.png to where it says that the endpoint is, run for where it is. */
export async function check_curls(
  commands: readonly string[],
  said: string,
  url: string,
  folder: string,
): Promise<void> {
  expect(commands).toHaveLength(2);
  const [, labels] = await post(url, dog);
  for (const command of commands) {
    expect(command).toContain(said);
    expect(JSON.parse(await shell(`${command.replace(said, url)} --silent`, folder))).toEqual({ labels });
  }
}
