// The functions and memory that align.wasm exports (assembly/index.ts), as the host calls them. Addresses are bytes.

import type { ProcessorExports } from '../processor/exports.ts';
import type { SearchExports } from '../search/exports.ts';

export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  abi_version(): number;
  /** First byte of memory that the module itself does not use. */
  heap_base(): number;

  /** Bytes on the module's own heap, for a config. */
  allocate(bytes: number): number;
  /** Each takes a config's address and gives a Recording's. */
  record_vision(config: number): number;
  record_text(config: number): number;
  record_align(config: number): number;
  /** Frees the module's own heap. */
  reset_recorder(): void;

  /** Packs rows of a checkpoint tensor into its weight block; how many finite numbers its format cannot hold. */
  pack(request: number, source: number, first_row: number, rows: number, src: number, dst: number): number;

  /** Says where weights and arena begin. */
  bind(weights: number, arena: number): void;
  /** Runs share `part` of `parts` of ops first … first + count − 1. */
  execute(plan: number, first: number, count: number, part: number, parts: number): void;
}

export type Exports = CoreExports & ProcessorExports & SearchExports;

/** What the builds for threads export besides. */
export interface ThreadExports extends Exports {
  /**
   * Runs `part` of `parts` of a plan from op `done` on, as far as op count − 1 and as the other parts let it; gives the
   * number of ops that it has arrived at (assembly/plan/barrier.ts).
   */
  execute_part(
    control: number,
    base: number,
    plan: number,
    done: number,
    count: number,
    part: number,
    parts: number,
  ): number;
}
