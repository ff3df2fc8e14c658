// The built module against what the host expects of it.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decode, type Field } from '@webassemblyjs/wasm-parser';
import binaryen from 'binaryen';
import { describe, expect, test } from 'vitest';
import type { Exports } from '../../src/host/wasm/exports.ts';

const root = new URL('../../', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(`dist/${name}`, root));

type Num = 'i32' | 'i64' | 'f32' | 'f64';
/** Types of parameters and results, as many as the TypeScript interface has. */
type SignatureOf<F> = F extends (...args: infer Args) => infer Result
  ? [params: { [I in keyof Args]: Num }, results: Result extends number ? [Num] : []]
  : never;

const SIGNATURES: { [Name in Exclude<keyof Exports, 'memory'>]: SignatureOf<Exports[Name]> } = {
  abi_version: [[], ['i32']],
  heap_base: [[], ['i32']],
  allocate: [['i32'], ['i32']],
  record_vision: [['i32'], ['i32']],
  record_text: [['i32'], ['i32']],
  record_align: [['i32'], ['i32']],
  reset_recorder: [[], []],
  pack: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], []],
  bind: [['i32', 'i32'], []],
  execute: [['i32', 'i32', 'i32', 'i32', 'i32'], []],
  unicode_bytes: [[], ['i32']],
  unicode_init: [['i32'], []],
  normalize: [['i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
  wordpiece_init: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], []],
  added_tokens_init: [['i32', 'i32', 'i32', 'i32'], []],
  encode: [['i32', 'i32', 'i32', 'i32'], ['i32']],
  resize_bytes: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
  resize: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], []],
};

function of_type<T extends Field['type']>(fields: readonly Field[], type: T): Extract<Field, { type: T }>[] {
  return fields.filter((field): field is Extract<Field, { type: T }> => field.type === type);
}

describe.each(['align.wasm', 'align.relaxed.wasm'])('%s', (file) => {
  const bytes = read(file);
  const { fields } = decode(bytes, {
    ignoreCodeSection: true, // the parser knows no SIMD
    ignoreDataSection: true,
    ignoreCustomNameSection: true,
  }).body[0];
  const exported = of_type(fields, 'ModuleExport');

  test('imports nothing', () => {
    expect(of_type(fields, 'ModuleImport')).toEqual([]);
  });

  test('exports its memory and the functions that the host expects, no others', () => {
    const kinds = Object.fromEntries(exported.map(({ name, descr }) => [name, descr.exportType]));
    const expected = Object.fromEntries(Object.keys(SIGNATURES).map((name) => [name, 'Func']));
    expect(kinds).toEqual({ ...expected, memory: 'Memory' });
  });

  test('every function has the signature that the host expects', () => {
    const functions = of_type(fields, 'Func');
    for (const [name, [params, results]] of Object.entries(SIGNATURES)) {
      const { signature } = functions[exported.find((e) => e.name === name)!.descr.id.value]!;
      expect(
        signature.params.map(({ valtype }) => valtype),
        name,
      ).toEqual(params);
      expect(signature.results, name).toEqual(results);
    }
  });

  test('has one memory, small at the start, free to grow, not shared', () => {
    const [memory, ...others] = of_type(fields, 'Memory');
    expect(others).toEqual([]);
    expect(memory!.limits.min).toBeLessThanOrEqual(16);
    expect(memory!.limits.max).toBeUndefined();
    expect(memory!.limits.shared ?? false).toBe(false);
  });

  test('is at most 100,000 bytes', () => {
    console.log(`${file}: ${bytes.length.toLocaleString('en-US')} bytes of 100,000`);
    expect(bytes.length).toBeLessThanOrEqual(100_000);
  });
});

describe('opcodes of align.wasm', () => {
  const module = binaryen.readBinary(read('align.wasm'));
  const opcodes = new Set(
    Array.from(module.emitText().matchAll(/\(([a-z][a-z0-9_.]+)/g), ([, name]) => name!),
  );

  test('are SIMD128 without relaxed SIMD, and without atomics', () => {
    for (const name of ['v128.load', 'f32x4.mul', 'f32x4.add', 'local.get']) expect(opcodes).toContain(name);
    expect([...opcodes].filter((name) => /relaxed|atomic/.test(name))).toEqual([]);
  });

  test('need no feature beyond SIMD128 and what every engine with it has', () => {
    const { MVP, SIMD128, MutableGlobals, NontrappingFPToInt, SignExt, BulkMemory, BulkMemoryOpt } =
      binaryen.Features;
    const common = MVP | MutableGlobals | NontrappingFPToInt | SignExt | BulkMemory | BulkMemoryOpt;
    const flags: { setFeatures(features: number): void } = module; // a sum of the enum is none of its members
    flags.setFeatures(common | SIMD128);
    expect(module.validate()).toBe(1);
  });
});

test('layout.ts is what scripts/layout.mjs generates from the AssemblyScript records', () => {
  const script = fileURLToPath(new URL('scripts/layout.mjs', root));
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
});
