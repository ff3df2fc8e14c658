// Every allocation that can fail without ending the process, counted, and made to fail where a test says so:
//
//   memory        a WebAssembly memory that is made, alone or with its instance
//   grow          one that grows, asked by JavaScript
//   memory.grow   one that grows, asked by align.wasm itself, whose heap then has no more room
//   buffer        a buffer of JavaScript of more than 64 bytes: smaller ones lie in V8's heap, whose end is the process's
//
// A buffer that Node makes within itself is not among them.

import { readFileSync } from 'node:fs';
import binaryen from 'binaryen';
import { platform } from '../../src/host/platform/node.ts';
import type { Build } from '../../src/host/platform/platform.ts';
import { assembled } from '../checked/instrument.ts';
import { watch_allocations } from '../support/allocations.ts';
import { watch_memory } from './census.ts';

export const KINDS = ['memory', 'grow', 'memory.grow', 'buffer'] as const;
export type Kind = (typeof KINDS)[number];

/** V8's typed_array_max_size_in_heap. */
const IN_HEAP = 64;

/** An allocation that fails: the `nth` of its kind from now on, from 1; with `on`, all later ones too. */
export interface Shortage {
  readonly kind: Kind;
  readonly nth: number;
  readonly on: boolean;
}

let shortage: Shortage | null = null;
let seen = 0;

/** Makes an allocation fail, or none any more. */
export function run_short(of: Shortage | null): void {
  shortage = of;
  seen = 0;
}

/** How many allocations of that kind there were since. */
export function allocations(): number {
  return seen;
}

/** Whether this allocation is to fail. */
function fails(kind: Kind): boolean {
  if (shortage?.kind !== kind) return false;
  seen++;
  return shortage.on ? seen >= shortage.nth : seen === shortage.nth;
}

/** align.wasm with as little memory as its data takes, so that its heap soon has to grow, and a question before that. */
function growing_build(): WebAssembly.Module {
  const module = binaryen.readBinary(readFileSync(new URL('../../dist/align.wasm', import.meta.url)));
  const text = module.emitText();
  module.dispose();
  const imports = '(import "test" "memory_grow_fails" (func $fails (result i32)))';
  const grow = `(func $asked (param i32) (result i32)
    (if (result i32) (call $fails) (then (i32.const -1)) (else (memory.grow (local.get 0)))))`;
  const asking = text
    .replaceAll('(memory.grow', '(call $asked')
    .replace(/\(memory (\$\d+) 4\)/, '(memory $1 1)')
    .replace('(module', `(module\n${imports}`)
    .replace(/\)\s*$/, `${grow})`);
  return new WebAssembly.Module(assembled(asking) as Uint8Array<ArrayBuffer>);
}

/** The error of an engine that has no more memory, where an allocation of that kind is to fail. */
function may_fail(kind: Kind, message: string): void {
  if (fails(kind)) throw new RangeError(message);
}

/** Lets this process's allocations fail as they are to, until what it gives is called. */
export function let_allocations_fail(): () => void {
  const wasm = platform.wasm.bind(platform);
  const exact = growing_build();
  platform.wasm = (build: Build) => (build === 'exact' ? Promise.resolve(exact) : wasm(build));
  const stop = watch_allocations({
    buffer(bytes) {
      if (bytes > IN_HEAP) may_fail('buffer', 'Array buffer allocation failed');
    },
    memory() {
      may_fail('memory', 'WebAssembly.Memory(): could not allocate memory');
    },
    made: watch_memory,
    grow() {
      may_fail('grow', 'WebAssembly.Memory.grow(): Unable to grow instance memory');
    },
    imports: { test: { memory_grow_fails: () => Number(fails('memory.grow')) } },
  });
  return () => {
    stop();
    platform.wasm = wasm;
  };
}
