// What a process holds, counted after its garbage is collected.

import { readdirSync, readFileSync } from 'node:fs';

/** Bytes of one isolate, and of the GPU that it uses. Node counts array buffers, and WebAssembly memory that is not shared,
 * as `external` too. */
export interface Bytes {
  readonly heap: number;
  readonly external: number;
  readonly buffers: number;
  readonly wasm: number;
  readonly gpu: number;
}

export const NO_BYTES: Bytes = { heap: 0, external: 0, buffers: 0, wasm: 0, gpu: 0 };

/** What some of it counts twice is held to the same bound. */
export const total = ({ heap, external, buffers, wasm, gpu }: Bytes): number =>
  heap + external + buffers + wasm + gpu;

export const sum = (a: Bytes, b: Bytes): Bytes => ({
  heap: a.heap + b.heap,
  external: a.external + b.external,
  buffers: a.buffers + b.buffers,
  wasm: a.wasm + b.wasm,
  gpu: a.gpu + b.gpu,
});

const memories = new Set<WeakRef<WebAssembly.Memory>>();

/** Counts the WebAssembly memories of this isolate that are made from now on, by instances or alone. */
export function watch_wasm(): void {
  const seen = (memory: WebAssembly.Memory): unknown => memories.add(new WeakRef(memory));
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(target, args) {
      const memory = Reflect.construct(target, args) as WebAssembly.Memory;
      seen(memory);
      return memory;
    },
  });
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct(target, args) {
      const instance = Reflect.construct(target, args) as WebAssembly.Instance;
      for (const value of Object.values(instance.exports))
        if (value instanceof WebAssembly.Memory && !imported(args[1], value)) seen(value);
      return instance;
    },
  });
}

/** Whether an instance was given a memory, which is counted already. */
function imported(imports: unknown, memory: WebAssembly.Memory): boolean {
  const modules = Object.values((imports ?? {}) as WebAssembly.Imports);
  return modules.some((values) => Object.values(values).includes(memory));
}

function wasm_bytes(): number {
  let bytes = 0;
  for (const ref of memories) {
    const memory = ref.deref();
    if (memory) bytes += memory.buffer.byteLength;
    else memories.delete(ref);
  }
  return bytes;
}

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

/** Collects garbage until no more of it goes: what is finalized in a turn of the event loop may hold more. */
export async function settled(gpu: number): Promise<Bytes> {
  if (!globalThis.gc) throw new Error('run with --expose-gc');
  for (let least = Infinity; ;) {
    for (let i = 0; i < 2; i++) {
      await turn();
      globalThis.gc();
    }
    await turn();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    const now = { heap: heapUsed, external, buffers: arrayBuffers, wasm: wasm_bytes(), gpu };
    if (total(now) > least - 4096) return now;
    least = total(now);
  }
}

/** Resident bytes of a process. */
export function resident(pid: number | 'self' = 'self'): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
}

/** Files, sockets and pipes that this process has open. */
export const open_files = (): number => readdirSync('/proc/self/fd').length;
