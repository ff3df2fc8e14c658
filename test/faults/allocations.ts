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

/** What undoes each change. */
const undo: (() => void)[] = [];

function put(owner: object, name: string, value: unknown): void {
  const plain: unknown = Reflect.get(owner, name);
  undo.push(() => Reflect.set(owner, name, plain));
  Reflect.set(owner, name, value);
}

type Constructor = new (...given: never[]) => object;

/** A constructor in whose place `construct` is asked. */
function replaced(
  name: string,
  owner: object,
  construct: (target: Constructor, given: unknown[], self: Constructor) => object,
): void {
  const plain = Reflect.get(owner, name) as Constructor;
  const trap = (target: Constructor, given: unknown[], self: Constructor): object =>
    construct(target, given, self);
  put(owner, name, new Proxy(plain, { construct: trap as never }));
}

function replaced_method(
  owner: object,
  name: string,
  method: (plain: () => unknown, it: object) => unknown,
): void {
  const plain = Reflect.get(owner, name) as (...given: unknown[]) => unknown;
  put(owner, name, function (this: object, ...given: unknown[]) {
    return method(() => Reflect.apply(plain, this, given), this);
  });
}

/** A buffer that was made, unless it is to fail: then it is dropped as if it had not been made. */
function checked<T>(made: T): T {
  if ((made as { byteLength: number }).byteLength > IN_HEAP && fails('buffer'))
    throw new RangeError('Array buffer allocation failed');
  return made;
}

function watch_buffers(): void {
  const { ArrayBuffer: Plain, SharedArrayBuffer: Shared } = globalThis;
  for (const name of ['ArrayBuffer', 'SharedArrayBuffer'])
    replaced(name, globalThis, (target, given, self) =>
      checked(Reflect.construct(target, given, self) as object),
    );
  const typed = Object.getPrototypeOf(Uint8Array) as { prototype: object };
  for (const name of Object.getOwnPropertyNames(globalThis).filter((each) =>
    /^(Big)?(Int|Uint|Float)\d+(Clamped)?Array$/.test(each),
  ))
    replaced(name, globalThis, (target, given, self) => {
      const made = Reflect.construct(target, given, self) as object;
      return given[0] instanceof Plain || given[0] instanceof Shared ? made : checked(made);
    });
  for (const name of ['slice', 'map', 'filter'])
    replaced_method(typed.prototype, name, (plain) => checked(plain()));
  for (const { prototype } of [Plain, Shared])
    replaced_method(prototype, 'slice', (plain) => checked(plain()));
}

function watch_memories(): void {
  const plain = WebAssembly.Memory;
  replaced('Memory', WebAssembly, (target, given, self) => {
    if (fails('memory')) throw new RangeError('WebAssembly.Memory(): could not allocate memory');
    const memory = Reflect.construct(target, given, self) as WebAssembly.Memory;
    watch_memory(memory);
    return memory;
  });
  replaced_method(plain.prototype, 'grow', (grow) => {
    if (fails('grow')) throw new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory');
    return grow();
  });
  replaced('Instance', WebAssembly, (target, given, self) => {
    const [module, imports] = given as [WebAssembly.Module, WebAssembly.Imports | undefined];
    const own = WebAssembly.Module.exports(module).some(({ kind }) => kind === 'memory');
    const shared = WebAssembly.Module.imports(module).some(({ kind }) => kind === 'memory');
    if (own && !shared && fails('memory'))
      throw new RangeError(
        'WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance',
      );
    const counted = { ...imports, test: { memory_grow_fails: () => Number(fails('memory.grow')) } };
    const instance = Reflect.construct(target, [module, counted], self) as WebAssembly.Instance;
    if (own && !shared)
      for (const item of Object.values(instance.exports)) if (item instanceof plain) watch_memory(item);
    return instance;
  });
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

/** Watches this process's allocations, until what it gives is called. */
export function watch_allocations(): () => void {
  const wasm = platform.wasm.bind(platform);
  const exact = growing_build();
  put(platform, 'wasm', (build: Build) => (build === 'exact' ? Promise.resolve(exact) : wasm(build)));
  watch_memories();
  watch_buffers();
  return () => undo.splice(0).forEach((each) => each());
}
