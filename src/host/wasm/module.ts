// Instances of align.wasm. The module imports nothing, so one compiled module serves as many independent instances
// as are wanted: one that records plans, one that executes them, one that resizes pictures, one that tokenises.

import { AlignError, show, within_memory } from '../errors.ts';
import { platform } from '#platform';
import { MAX_MODULE_BYTES, type Build } from '../platform/platform.ts';
import type { Exports } from './exports.ts';
import { ABI_VERSION } from '../plan/layout.ts';

/** What the `wasm` option takes. */
export type WasmInput = WebAssembly.Module | ArrayBuffer | Uint8Array | Response | URL | string;

/** Exports whose callers say what a trap in them means. */
const EXPLAINED: ReadonlySet<string> = new Set([
  ...['execute', 'execute_part'],
  ...['record_vision', 'record_text', 'record_align'],
]);

/** The exports, which throw an AlignError where they trap. */
function with_typed_traps(exports: WebAssembly.Exports): Exports {
  const typed: Record<string, unknown> = { ...exports };
  for (const [name, run] of Object.entries(exports)) {
    if (typeof run !== 'function' || EXPLAINED.has(name)) continue;
    typed[name] = (...given: number[]): unknown => {
      try {
        return (run as (...given: number[]) => unknown)(...given);
      } catch (cause) {
        throw new AlignError('trap', `align.wasm trapped in ${name}(${given.join(', ')})`, { cause });
      }
    };
  }
  return typed as unknown as Exports;
}

/** One instance and its memory. Memory below `base` belongs to the module; above it to the owner of the instance. */
export class Instance {
  readonly exports: Exports;
  readonly memory: WebAssembly.Memory;
  /** First free byte, a multiple of 256. */
  readonly base: number;

  /** `memory`: for the builds for threads, which have none of their own. @throws AlignError `out_of_memory` */
  constructor(module: WebAssembly.Module, memory?: WebAssembly.Memory) {
    const imports = memory ? { env: { memory } } : {};
    const instance = within_memory(() => new WebAssembly.Instance(module, imports));
    this.exports = with_typed_traps(instance.exports);
    this.memory = this.exports.memory;
    const version = typeof this.exports.abi_version === 'function' ? this.exports.abi_version() : undefined;
    if (version !== ABI_VERSION) {
      throw new AlignError(
        'abi_mismatch',
        `align.wasm has ABI version ${show(version)}, this package needs ${ABI_VERSION}`,
        {
          hint: 'use the align.wasm that came with this version of the package',
        },
      );
    }
    this.base = (this.exports.heap_base() + 255) & ~255;
  }

  /** Grows memory so that bytes 0 … end-1 exist. Views made before are then stale. @throws AlignError `out_of_memory` */
  ensure(end: number): void {
    const have = this.memory.buffer.byteLength;
    if (end <= have) return;
    try {
      this.memory.grow(Math.ceil((end - have) / 65536));
    } catch (cause) {
      throw new AlignError(
        'out_of_memory',
        `WebAssembly memory could not grow from ${have} to ${end} bytes`,
        {
          detail: { have, need: end },
          hint: 'load one tower, use a smaller batch_size, or a quantised checkpoint',
          cause,
        },
      );
    }
  }

  /** A fresh view of `length` bytes at `start`. */
  bytes(start: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, start, length);
  }

  f32(start: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, start, length);
  }

  u32(start: number, length: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, start, length);
  }
}

/** Compiles whatever the `wasm` option holds; without it the module that came with the package, relaxed or not. */
export async function compile(wasm?: WasmInput, build: Build = 'exact'): Promise<WebAssembly.Module> {
  if (wasm === undefined) return platform.wasm(build);
  const module = await compile_given(wasm);
  if (WebAssembly.Module.imports(module).length === 0) return module;
  throw new AlignError('invalid_argument', 'wasm: the module imports something, align.wasm does not', {
    hint: 'give align.wasm or align.relaxed.wasm; the builds for threads are found by the package itself',
  });
}

async function compile_given(wasm: WasmInput): Promise<WebAssembly.Module> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  try {
    if (wasm instanceof Response) {
      if (!wasm.ok)
        throw new AlignError('network', `wasm: ${wasm.url || 'the response'}: HTTP ${wasm.status}`);
      return await WebAssembly.compile(await wasm.arrayBuffer());
    }
    if (wasm instanceof URL || typeof wasm === 'string')
      return await WebAssembly.compile(
        (await platform.fetch_bytes(wasm, MAX_MODULE_BYTES)) as Uint8Array<ArrayBuffer>,
      );
    if (wasm instanceof Uint8Array || wasm instanceof ArrayBuffer) {
      return await WebAssembly.compile(wasm as Uint8Array<ArrayBuffer> | ArrayBuffer);
    }
  } catch (cause) {
    if (cause instanceof AlignError) throw cause;
    throw new AlignError('invalid_argument', `wasm: the bytes do not compile: ${String(cause)}`, {
      hint: 'give align.wasm as it is in the package; on Workers, which compile nothing, import it and give the Module',
      cause,
    });
  }
  throw new AlignError(
    'invalid_argument',
    `wasm must be a Module, bytes, a Response or a URL, not ${show(wasm)}`,
  );
}
