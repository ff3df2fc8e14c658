// What examples/deno and examples/cloudflare are asked alike, and what they must answer: good pictures as Node would,
// everything else a status and a code.

import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { deflateSync } from 'node:zlib';
import { Align } from '../../src/host/index.ts';
import { make_png } from '../support/png.ts';
import { root } from './readme.ts';

/** An answer: its status, and the labels or the error's code. */
export type Answer = readonly [status: number, result: unknown];

const file = (path: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(root + path));
export const dog: Uint8Array<ArrayBuffer> = file('examples/pictures/dog.png');

export const PICTURES: readonly Uint8Array<ArrayBuffer>[] = [
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

export async function answer_of(response: Response): Promise<Answer> {
  const { labels, error } = (await response.json()) as {
    labels?: unknown;
    error?: { code: string; message: string };
  };
  if (error && error.message.length <= 10) throw new Error(`${error.code} comes with no message for people`);
  return [response.status, labels ?? error?.code];
}

export async function post(
  url: string,
  body: BodyInit,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const init = { method: 'POST', body, headers, duplex: 'half' }; // which streams need
  return answer_of(await fetch(url, init));
}

export function form(name: string, value: string | Blob): FormData {
  const data = new FormData();
  data.set(name, value);
  return data;
}

/** Sends a request byte by byte as it is given, and maybe no more after it; gives the status and code that come back. */
export function raw(url: string, request: readonly (string | Uint8Array)[], end = false): Promise<Answer> {
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

export const HEAD = 'POST / HTTP/1.1\r\nHost: localhost\r\n';
/** A chunk of 64 KiB. */
const CHUNK = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65536), Buffer.from('\r\n')]);

/** Requests that are at fault, with their answers. */
export const BAD: Readonly<Record<string, readonly [ask: (url: string) => Promise<Answer>, ...Answer]>> = {
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

/** A body that stops coming. */
export const stall = (url: string): Promise<Answer> =>
  raw(url, [HEAD, 'Content-Length: 5000\r\n\r\n', dog.subarray(0, 900)]);

/** Sends a request and goes away before its answer, while it is sent or after. */
export async function leave(url: string): Promise<void> {
  const gone = new AbortController();
  setTimeout(() => gone.abort(), 30 * Math.random());
  await fetch(url, { method: 'POST', body: dog, signal: gone.signal }).catch(() => undefined);
}

/** What this package in Node answers for pictures, for the labels that an endpoint says it knows. */
export async function expected_answers(url: string): Promise<Answer[]> {
  const about = (await (await fetch(url)).json()) as { labels: string[]; limits: { max_bytes: number } };
  if (about.limits.max_bytes !== 4 * 2 ** 20) throw new Error('The bad requests are for a limit of 4 MiB');
  if (about.labels.length <= 10) throw new Error('The endpoint knows too few labels to be wrong');
  const model = await Align.load();
  const labels = await model.label_set(about.labels);
  const results = await model.classify(PICTURES, labels, { top_k: 3 });
  model.dispose();
  return results.map((result) => [200, result]);
}
