// A web server on 127.0.0.1 that serves files well, until it is told to do it badly: each fault is a function that may answer
// a request in the place of the good answer.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request as it came. */
export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** What a fault has to work with. */
export interface Turn {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The file asked for, undefined where there is none. */
  readonly bytes: Buffer | undefined;
  readonly etag: string;
  /** The range asked for, within the file; null without one. */
  readonly range: { readonly start: number; readonly end: number } | null;
  /** How many requests for this path came before. */
  readonly before: number;
  /** Gives the good answer, with changes. */
  good(changes?: { headers?: Record<string, string>; cut?: number; status?: number; bytes?: Buffer }): void;
}

/** Answers in place of the server; false leaves the request to it. */
export type Fault = (turn: Turn) => boolean;

export interface HostileServer {
  readonly url: string;
  readonly files: Map<string, Buffer>;
  readonly asked: Asked[];
  fault: Fault | null;
  /** Answers that have neither ended nor been broken off. Node's fetch keeps idle connections beyond them. */
  readonly under_way: ReadonlySet<ServerResponse>;
  close(): Promise<void>;
}

export async function hostile_server(files: Record<string, Uint8Array>): Promise<HostileServer> {
  const connections = new Set<Socket>();
  const under_way = new Set<ServerResponse>();
  const state = {
    url: '',
    files: new Map(Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes)])),
    asked: [] as Asked[],
    fault: null as Fault | null,
    under_way,
    close: () => {
      for (const socket of connections) socket.destroy();
      return new Promise<void>((closed) => server.close(() => closed()));
    },
  };
  const server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname;
    const before = state.asked.filter((one) => one.path === path).length;
    state.asked.push({ path, headers: request.headers });
    under_way.add(response);
    response.on('close', () => under_way.delete(response));
    const turn = turn_of(request, response, state.files.get(path), before);
    if (!state.fault?.(turn)) turn.good();
  });
  server.keepAliveTimeout = 50;
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

function turn_of(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer | undefined,
  before: number,
): Turn {
  const etag = `"${createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')
    .slice(0, 16)}"`;
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const range =
    match && bytes ? { start: Number(match[1]), end: Math.min(Number(match[2]) + 1, bytes.length) } : null;
  const good: Turn['good'] = (changes = {}) => {
    if (bytes === undefined) {
      response.writeHead(404).end('not found');
      return;
    }
    const file = changes.bytes ?? bytes;
    const { start, end } = range ?? { start: 0, end: file.length };
    const stale = request.headers['if-range'] !== undefined && request.headers['if-range'] !== etag;
    if (range && start >= file.length) {
      response.writeHead(416, { 'Content-Range': `bytes */${file.length}` }).end();
      return;
    }
    const part = range && !stale ? file.subarray(start, end) : file;
    response.writeHead(changes.status ?? (range && !stale ? 206 : 200), {
      ETag: etag,
      'Accept-Ranges': 'bytes',
      'Content-Length': String(part.length),
      ...(range && !stale && { 'Content-Range': `bytes ${start}-${end - 1}/${file.length}` }),
      ...changes.headers,
    });
    if (changes.cut === undefined) response.end(part);
    else response.write(part.subarray(0, changes.cut), () => response.destroy());
  };
  return { request, response, bytes, etag, range, before, good };
}
