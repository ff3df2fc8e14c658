// Every way in which a server can fail or lie while a file is fetched from it, and what has to become of each.

import { brotliCompressSync, deflateSync } from 'node:zlib';
import type { OpenOptions } from '../../src/host/checkpoint/model_files.ts';
import type { Fault } from './hostile_server.ts';
import {
  after,
  always,
  cut_at,
  first,
  gzipped,
  on_file,
  OTHER,
  other_version,
  page,
  plain,
  range_header,
  raw,
  redirect,
  reset,
  shorter,
  silent,
  stall_at,
  status,
  whole,
} from './network_actions.ts';
import { FILE, NAME, SUM, type Outcome, type Site } from './network_site.ts';

/** Each makes its fault anew: some remember what they were asked. */
export const NETWORK_FAULTS: [
  name: string,
  fault: (site: Site) => Fault,
  expected: Outcome,
  options?: OpenOptions,
][] = [
  ...Array.from({ length: 20 }, (_, i): [string, () => Fault, Outcome] => [
    `broken off once after ${i}/20 of an answer`,
    () => first(2, (turn) => (turn.before === 1 ? cut_at(i / 20)(turn) : turn.good())),
    'right',
  ]),
  ['broken off once in the answer that opens it', () => first(1, cut_at(0.5)), 'right'],
  ['every answer broken off in the middle', () => always(cut_at(0.5)), 'network'],
  ['every answer broken off before its first byte', () => always(cut_at(0)), 'network'],
  ['the connection closed twice', () => first(2, reset), 'right'],
  ['the connection closed always', () => always(reset), 'network'],
  ['no HTTP, once', () => first(1, raw('SSH-2.0-OpenSSH\r\n')), 'right'],
  ['no HTTP at all', () => always(raw('SSH-2.0-OpenSSH\r\n')), 'network'],
  [
    'a Content-Length larger than the body',
    () => first(2, raw('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab')),
    'right',
  ],
  ...[408, 429, 500, 502, 503, 504].map((code): [string, () => Fault, Outcome] => [
    `HTTP ${code} twice`,
    () => first(2, status(code)),
    'right',
  ]),
  ['HTTP 500 always', () => always(status(500)), 'network'],
  ['HTTP 503 in the middle, always', () => after(1, status(503)), 'network'],
  ['Retry-After of no time', () => first(1, status(429, { 'Retry-After': '0' })), 'right'],
  [
    'Retry-After in the past',
    () => first(1, status(503, { 'Retry-After': 'Thu, 01 Jan 1970 00:00:00 GMT' })),
    'right',
  ],
  ['Retry-After that nobody waits for', () => first(1, status(429, { 'Retry-After': '3600' })), 'network'],
  ['Retry-After of nonsense', () => first(1, status(503, { 'Retry-After': 'soon' })), 'right'],
  [
    'a range that begins elsewhere',
    () => always(range_header(({ range }) => `bytes ${range!.start + 1}-${range!.end}/${FILE.length}`)),
    'right',
  ],
  [
    'a range that ends behind what was asked',
    () => always(range_header(({ range }) => `bytes ${range!.start}-${range!.end + 5}/${FILE.length}`)),
    'right',
  ],
  ['a range that is none', () => always(range_header(() => 'bytes x-y/z')), 'right'],
  [
    'a range of an unknown whole',
    () => always(range_header(({ range }) => `bytes ${range!.start}-${range!.end - 1}/*`)),
    'right',
  ],
  [
    'another size in the middle',
    () =>
      after(
        1,
        range_header(({ range }) => `bytes ${range!.start}-${range!.end - 1}/${FILE.length + 9}`),
      ),
    'network',
  ],
  [
    'a size larger than the file from the first answer on',
    () => always(range_header(({ range }) => `bytes ${range!.start}-${range!.end - 1}/${FILE.length + 9}`)),
    'network',
  ],
  [
    'a size smaller than the file, with its SHA-256',
    () =>
      always(
        range_header(({ range }) => `bytes ${range!.start}-${Math.min(range!.end, 5_000_000) - 1}/5000000`),
      ),
    'integrity',
    { sha256: { [NAME]: SUM } },
  ],
  [
    '206 without Content-Range',
    () =>
      always(
        ({ range, response }) =>
          void response
            .writeHead(range ? 206 : 200)
            .end(range ? FILE.subarray(range.start, range.end) : FILE),
      ),
    'right',
  ],
  [
    '206 of several parts',
    () =>
      always((turn) =>
        turn.range
          ? void turn.response
              .writeHead(206, { 'Content-Type': 'multipart/byteranges; boundary=a' })
              .end('--a\r\n\r\n--a--')
          : turn.good(),
      ),
    'right',
  ],
  ['a shorter range than asked for', () => always(shorter(700_000)), 'right'],
  [
    'fewer bytes than Content-Range says',
    () =>
      always((turn) => {
        const { range, response, etag } = turn;
        const body = FILE.subarray(range!.start, range!.end);
        const part = body.subarray(0, Math.min(body.length, 500_000));
        response
          .writeHead(206, {
            ETag: etag,
            'Content-Length': String(part.length),
            'Content-Range': `bytes ${range!.start}-${range!.end - 1}/${FILE.length}`,
          })
          .end(part);
      }),
    'right',
  ],
  [
    'more bytes than Content-Range says',
    () =>
      always(({ range, response, etag }) => {
        if (!range) return void response.writeHead(200, { ETag: etag }).end(FILE);
        response
          .writeHead(206, {
            ETag: etag,
            'Content-Range': `bytes ${range.start}-${range.end - 1}/${FILE.length}`,
          })
          .end(FILE.subarray(range.start));
      }),
    'right',
  ],
  ['ranges ignored', () => always(whole(plain, FILE)), 'right'],
  [
    'ranges ignored, broken off once',
    () =>
      on_file((turn) => {
        (turn.before === 0 ? whole(plain, FILE, 3_000_000) : whole(plain, FILE))(turn);
        return true;
      }),
    'right',
  ],
  ['ranges ignored, broken off always', () => always(whole(plain, FILE, 3_000_000)), 'network'],
  ['ranges ignored, and no length', () => always(whole({}, FILE)), 'right'],
  ['ranges ignored in the middle', () => after(1, whole(plain, FILE)), 'right'],
  [
    'a gzip of it',
    () => always(whole({ 'Content-Encoding': 'gzip', 'Content-Length': String(gzipped.length) }, gzipped)),
    'right',
  ],
  [
    'a deflate of it',
    () => always(whole({ 'Content-Encoding': 'deflate' }, deflateSync(FILE, { level: 1 }))),
    'right',
  ],
  [
    'a Brotli of it',
    () => always(whole({ 'Content-Encoding': 'br' }, brotliCompressSync(FILE, { params: { 1: 1 } }))),
    'right',
  ],
  [
    'a range of a gzip',
    () =>
      always((turn) => {
        if (!turn.range) {
          whole({ 'Content-Encoding': 'gzip' }, gzipped)(turn);
          return;
        }
        turn.response
          .writeHead(206, { 'Content-Encoding': 'gzip', 'Content-Range': `bytes 0-99/${gzipped.length}` })
          .end(gzipped.subarray(0, 100));
      }),
    'right',
  ],
  [
    'a gzip broken off once',
    () =>
      on_file((turn) => {
        whole({ 'Content-Encoding': 'gzip' }, gzipped, turn.before === 0 ? 1_000_000 : undefined)(turn);
        return true;
      }),
    'right',
  ],
  [
    'a gzip broken off always',
    () => always(whole({ 'Content-Encoding': 'gzip' }, gzipped, 1_000_000)),
    'network',
  ],
  ['a gzip that is none', () => always(whole({ 'Content-Encoding': 'gzip' }, FILE)), 'network'],
  ['silence before the first answer, once', () => first(1, silent), 'right'],
  [
    'silence in the middle, once',
    () => first(2, (turn) => (turn.before === 1 ? stall_at(0.3)(turn) : turn.good())),
    'right',
  ],
  ['silence always', () => always(silent), 'network'],
  ['silence after half of every answer', () => always(stall_at(0.5)), 'network'],
  ['another version in the middle', () => after(1, other_version), 'network'],
  [
    'another version in the middle, by its date',
    () =>
      always((turn) => {
        const start = turn.range?.start ?? 0;
        turn.response
          .writeHead(206, {
            'Last-Modified': new Date(turn.before * 1e6).toUTCString(),
            'Content-Range': `bytes ${start}-${turn.range!.end - 1}/${FILE.length}`,
          })
          .end(FILE.subarray(start, turn.range!.end));
      }),
    'network',
  ],
  [
    'another version where it broke off',
    () =>
      on_file((turn) => {
        if (turn.before === 0) return false;
        if (turn.before === 1) cut_at(0.5)(turn);
        else other_version(turn);
        return true;
      }),
    'network',
  ],
  ['416 in the middle', () => after(1, status(416)), 'network'],
  ['404 in the middle', () => after(1, status(404)), 'network'],
  ['404', () => always(status(404)), 'absent'],
  ['410', () => always(status(410)), 'absent'],
  ['400', () => always(status(400)), 'network'],
  ['401', () => always(status(401)), 'network'],
  ['403 for one file among others', () => always(status(403)), 'absent'],
  [
    '404 of a hub that has no such model',
    () => always(status(404, { 'X-Error-Code': 'RepoNotFound' })),
    'not_found',
  ],
  ['a page in place of the file', () => always(page), 'absent'],
  ['204', () => always(status(204)), 'network'],
  [
    '304 that nobody asked for',
    () => always(({ response }) => void response.writeHead(304).end()),
    'network',
  ],
  ...[301, 302, 303, 307, 308].map((code): [string, () => Fault, Outcome] => [
    `HTTP ${code} to another path`,
    () => always(redirect('/real', code)),
    'right',
  ]),
  [
    'a redirect to another server',
    ({ elsewhere }) =>
      always(({ response }) => void response.writeHead(302, { Location: `${elsewhere.url}/real` }).end()),
    'right',
  ],
  ['a redirect to itself', () => always(redirect(`/m/${NAME}`)), 'network'],
  ['a redirect without a place', () => always(status(302)), 'network'],
  ['a redirect to what is no URL', () => always(redirect('http://[')), 'network'],
  ['a redirect to a file', () => always(redirect('file:///etc/passwd')), 'network'],
  ['a redirect to data', () => always(redirect('data:text/plain,abc')), 'network'],
  ['a redirect to nobody', () => always(redirect('http://127.0.0.1:1/')), 'network'],
  [
    'a redirect whose address expires',
    () => (turn) => {
      const { pathname } = new URL(turn.request.url!, 'http://x');
      if (pathname === `/m/${NAME}`) redirect(`/real?${turn.before}`)(turn);
      else if (pathname === '/real' && turn.before === 1) status(403)(turn);
      else return false;
      return true;
    },
    'right',
  ],
  ['no ETag', () => always((turn) => turn.good({ headers: { ETag: '' } })), 'right'],
  ['a weak ETag', () => always((turn) => turn.good({ headers: { ETag: 'W/"a"' } })), 'right'],
  ['the right SHA-256', () => () => false, 'right', { sha256: { [NAME]: SUM.toUpperCase() } }],
  [
    'the right SHA-256, without a cache',
    () => () => false,
    'right',
    { sha256: { [NAME]: SUM }, cache: false },
  ],
  ['another SHA-256', () => () => false, 'integrity', { sha256: { [NAME]: '0'.repeat(64) } }],
  [
    'another file after its SHA-256 was checked',
    () => always((turn) => turn.good({ bytes: turn.before > 1 ? OTHER : FILE })),
    'integrity',
    { sha256: { [NAME]: SUM }, cache: false },
  ],
];
