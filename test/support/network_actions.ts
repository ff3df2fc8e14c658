// What a server does in place of a good answer.

import { gzipSync } from 'node:zlib';
import type { Fault, Turn } from './hostile_server.ts';
import { FILE, NAME } from './network_site.ts';

export const OTHER = Buffer.from(FILE.map((byte) => byte ^ 0x55));

/** A fault of the first `count` requests for the file. */
export function first(count: number, action: Action): Fault {
  return on_file((turn) => {
    if (turn.before >= count) return false;
    action(turn);
    return true;
  });
}

/** A fault of every request from number `from` on. */
export function after(from: number, action: Action): Fault {
  return on_file((turn) => {
    if (turn.before < from) return false;
    action(turn);
    return true;
  });
}

export const always = (action: Action): Fault => after(0, action);

export function on_file(fault: Fault): Fault {
  return (turn) => new URL(turn.request.url!, 'http://x').pathname === `/m/${NAME}` && fault(turn);
}

/** An answer in place of the good one. */
export type Action = (turn: Turn) => void;

const length_of = ({ range }: Turn): number => (range ? range.end - range.start : FILE.length);

export const cut_at = (share: number): Action => {
  return (turn) => turn.good({ cut: Math.floor(length_of(turn) * share) });
};

export const status = (code: number, headers: Record<string, string> = {}): Action => {
  return ({ response }) => void response.writeHead(code, headers).end('no');
};

export const redirect = (location: string, code = 302): Action => status(code, { Location: location });

export const reset: Action = ({ request }) => void request.socket.destroy();

export const raw = (text: string): Action => {
  return ({ request }) => void request.socket.end(text);
};

export const silent: Action = () => undefined;

export const stall_at = (share: number): Action => {
  return ({ response, range, etag }) => {
    const { start, end } = range ?? { start: 0, end: FILE.length };
    const headers = { ETag: etag, 'Content-Range': `bytes ${start}-${end - 1}/${FILE.length}` };
    response.writeHead(206, { ...headers, 'Content-Length': String(end - start) });
    response.write(FILE.subarray(start, start + Math.floor((end - start) * share)));
  };
};

/** An answer that ranges have no part in. */
export const whole = (headers: Record<string, string>, body: Buffer, cut?: number): Action => {
  return ({ response, etag }) => {
    response.writeHead(200, { ETag: etag, ...headers });
    if (cut === undefined) response.end(body);
    else response.write(body.subarray(0, cut), () => response.destroy());
  };
};

export const plain = { 'Content-Length': String(FILE.length) };
export const gzipped = gzipSync(FILE, { level: 1 });

/** At most so many bytes of the range that was asked for. */
export const shorter = (bytes: number): Action => {
  return ({ range, response, etag }) => {
    const [start, end] = [range!.start, Math.min(range!.end, range!.start + bytes)];
    response
      .writeHead(206, { ETag: etag, 'Content-Range': `bytes ${start}-${end - 1}/${FILE.length}` })
      .end(FILE.subarray(start, end));
  };
};

export const range_header = (text: (turn: Turn) => string): Action => {
  return (turn) => turn.good({ headers: turn.range ? { 'Content-Range': text(turn) } : {} });
};

export const page: Action = ({ response }) => {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end('<html>');
};

export const other_version: Action = ({ range, request, response }) => {
  const [start, end] = [range?.start ?? 0, range?.end ?? OTHER.length];
  const headers = { ETag: '"other"', 'Content-Range': `bytes ${start}-${end - 1}/${OTHER.length}` };
  if (request.headers['if-range'] === undefined)
    response.writeHead(206, headers).end(OTHER.subarray(start, end));
  else response.writeHead(200, { ETag: '"other"' }).end(OTHER);
};
