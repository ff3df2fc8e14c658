// What workerd's inspector says of the memory of an isolate. It is answered while the isolate waits for something.

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
  close(): void;
}

/** The inspector of a Worker's isolate, at the address that workerd gives. */
export async function open_inspector(address: URL, worker: string): Promise<Inspector> {
  const { WebSocket } = require('ws') as { WebSocket: new (url: string) => Socket };
  const socket = new WebSocket(new URL(`/core:user:${worker}`, address).href);
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  const waiting = new Map<number, (usage: HeapUsage) => void>();
  let last = 0;
  socket.on('message', (data) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: HeapUsage };
    if (id === undefined || result === undefined) return;
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  return {
    async heap() {
      const id = ++last;
      const { usedSize, embedderHeapUsedSize, backingStorageSize } = await new Promise<HeapUsage>(
        (resolve) => {
          waiting.set(id, resolve);
          socket.send(JSON.stringify({ id, method: 'Runtime.getHeapUsage' }));
        },
      );
      return usedSize + embedderHeapUsedSize + backingStorageSize;
    },
    close: () => socket.close(),
  };
}
