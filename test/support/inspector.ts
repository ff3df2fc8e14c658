// What the inspector of workerd or Deno says of the memory of an isolate. It is answered while the isolate waits for
// something.

import { createRequire } from 'node:module';

const require = createRequire(new URL('../runtimes/binaries/package.json', import.meta.url));

/** What we use of a WebSocket, which Node 20 has not. */
interface Socket {
  send(text: string): void;
  close(): void;
  on(event: 'open' | 'error' | 'message', listener: (data: unknown) => void): void;
}

/** Runtime.getHeapUsage of the DevTools protocol: V8's heap, the embedder's objects, array buffers; no WebAssembly memory. */
interface HeapUsage {
  readonly usedSize: number;
  readonly embedderHeapUsedSize: number;
  readonly backingStorageSize: number;
}

export interface Inspector {
  /** Bytes of heap, embedder's objects and array buffers, what waits to be collected included. */
  heap(): Promise<number>;
  /** Collects garbage. */
  collect(): Promise<void>;
  close(): void;
}

/** The inspector of a Worker's isolate, at the address that workerd gives. */
export function open_inspector(address: URL, worker: string): Promise<Inspector> {
  return inspect(new URL(`/core:user:${worker}`, address));
}

/** The inspector of an isolate, by its WebSocket. */
export async function inspect(address: URL): Promise<Inspector> {
  const { WebSocket } = require('ws') as { WebSocket: new (url: string) => Socket };
  const socket = new WebSocket(address.href);
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  const waiting = new Map<number, (result: unknown) => void>();
  let last = 0;
  socket.on('message', (data) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id === undefined || result === undefined) return;
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  const ask = <T>(method: string): Promise<T> => {
    const id = ++last;
    return new Promise((resolve) => {
      waiting.set(id, resolve as (result: unknown) => void);
      socket.send(JSON.stringify({ id, method }));
    });
  };
  return {
    async heap() {
      const { usedSize, embedderHeapUsedSize, backingStorageSize } =
        await ask<HeapUsage>('Runtime.getHeapUsage');
      return usedSize + embedderHeapUsedSize + backingStorageSize;
    },
    async collect() {
      await ask('HeapProfiler.collectGarbage');
    },
    close: () => socket.close(),
  };
}
