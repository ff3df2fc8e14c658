// The functions and memory that align.wasm exports (assembly/index.ts), as the host calls them.

import type { ProcessorExports } from '../processor/exports.ts';

export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  abi_version(): number;
  /** First byte of memory that the module itself does not use. */
  heap_base(): number;
}

export type Exports = CoreExports & ProcessorExports;
