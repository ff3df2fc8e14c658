// The built module against what the host expects of it.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decode, type Field } from '@webassemblyjs/wasm-parser';
import binaryen from 'binaryen';
import { describe, expect, test } from 'vitest';
import type { Exports, ThreadExports } from '../../src/host/wasm/exports.ts';

const root = new URL('../../', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(`dist/${name}`, root));

type Num = 'i32' | 'i64' | 'f32' | 'f64';
/** Types of parameters and results, as many as the TypeScript interface has. */
type SignatureOf<F> = F extends (...args: infer Args) => infer Result
  ? [params: { [I in keyof Args]: Num }, results: Result extends number ? [Num] : []]
  : never;

type Signatures<E> = { [Name in Exclude<keyof E, 'memory'>]: SignatureOf<E[Name]> };

const SIGNATURES: Signatures<Exports> = {
  abi_version: [[], ['i32']],
  heap_base: [[], ['i32']],
  allocate: [['i32'], ['i32']],
  record_vision: [['i32'], ['i32']],
  record_text: [['i32'], ['i32']],
  record_align: [['i32'], ['i32']],
  reset_recorder: [[], []],
  pack: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
  bind: [['i32', 'i32'], []],
  execute: [['i32', 'i32', 'i32', 'i32', 'i32'], []],
  unicode_bytes: [[], ['i32']],
  unicode_init: [['i32'], []],
  normalize: [['i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
  wordpiece_init: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
  added_tokens_init: [['i32', 'i32', 'i32', 'i32', 'i32'], []],
  encode: [['i32', 'i32', 'i32', 'i32'], ['i32']],
  resize_bytes: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
  resize: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], []],
  crc32_init: [['i32'], []],
  crc32: [['i32', 'i32', 'i32', 'i32'], ['i32']],
  index_quantize: [['i32', 'i32', 'i32', 'i32'], []],
  index_scale: [['i32', 'i32', 'i32'], ['f32']],
  index_bits: [['i32', 'i32', 'i32'], []],
  index_row: [['i32', 'i32', 'i32', 'f32', 'i32'], []],
  index_dot: [['i32', 'i32', 'i32'], ['f64']],
  index_scan_f32: [['i32', 'i32', 'i32', 'i32', 'i32'], []],
  index_scan_i8: [['i32', 'i32', 'i32', 'i32', 'i32', 'f32', 'f32', 'i32'], []],
  index_scan_bits: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], []],
  index_score_near: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'f32', 'f32', 'i32'], ['i32']],
  index_scan_panel_f32: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], []],
  index_scan_panel_i8: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], []],
  index_select: [['i32', 'i32', 'i32', 'i32'], ['i32']],
};
const THREAD_SIGNATURES: Signatures<ThreadExports> = {
  ...SIGNATURES,
  execute_part: [['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
};

function of_type<T extends Field['type']>(fields: readonly Field[], type: T): Extract<Field, { type: T }>[] {
  return fields.filter((field): field is Extract<Field, { type: T }> => field.type === type);
}

describe.each([
  { file: 'align.wasm', threads: false },
  { file: 'align.relaxed.wasm', threads: false },
  { file: 'align.threads.wasm', threads: true },
  { file: 'align.relaxed.threads.wasm', threads: true },
])('$file', ({ file, threads }) => {
  const signatures = threads ? THREAD_SIGNATURES : SIGNATURES;
  const bytes = read(file);
  const { fields } = decode(bytes, {
    ignoreCodeSection: true, // the parser knows no SIMD
    ignoreDataSection: true,
    ignoreCustomNameSection: true,
  }).body[0];
  const exported = of_type(fields, 'ModuleExport');
  const imported = of_type(fields, 'ModuleImport');

  test(threads ? 'imports its memory and nothing else' : 'imports nothing', () => {
    expect(imported.map(({ module, name }) => `${module}.${name}`)).toEqual(threads ? ['env.memory'] : []);
  });

  test('exports its memory and the functions that the host expects, no others', () => {
    const kinds = Object.fromEntries(exported.map(({ name, descr }) => [name, descr.exportType]));
    const expected = Object.fromEntries(Object.keys(signatures).map((name) => [name, 'Func']));
    expect(kinds).toEqual({ ...expected, memory: 'Memory' });
  });

  test('every function has the signature that the host expects', () => {
    const functions = of_type(fields, 'Func');
    for (const [name, [params, results]] of Object.entries(signatures)) {
      const { signature } = functions[exported.find((e) => e.name === name)!.descr.id.value]!;
      expect(
        signature.params.map(({ valtype }) => valtype),
        name,
      ).toEqual(params);
      expect(signature.results, name).toEqual(results);
    }
  });

  test(`has one memory, small at the start, free to grow, ${threads ? '' : 'not '}shared`, () => {
    const own = of_type(fields, 'Memory');
    const [memory, ...others] = [...own, ...imported.map(({ descr }) => descr)];
    expect(others).toEqual([]);
    expect(memory!.limits.min).toBeLessThanOrEqual(16);
    expect(memory!.limits.max).toBe(threads ? 65536 : undefined);
    expect(memory!.limits.shared ?? false).toBe(threads);
  });

  test('is at most 100,000 bytes', () => {
    console.log(`${file}: ${bytes.length.toLocaleString('en-US')} bytes of 100,000`);
    expect(bytes.length).toBeLessThanOrEqual(100_000);
  });
});

test('align-wasm.wasi.wasm imports functions of WASI, these and no others', () => {
  const options = { ignoreCodeSection: true, ignoreDataSection: true, ignoreCustomNameSection: true };
  const imported = of_type(decode(read('align-wasm.wasi.wasm'), options).body[0].fields, 'ModuleImport');
  expect(imported.map(({ module, name }) => `${module}.${name}`).sort()).toEqual([
    'wasi_snapshot_preview1.args_get',
    'wasi_snapshot_preview1.args_sizes_get',
    'wasi_snapshot_preview1.fd_close',
    'wasi_snapshot_preview1.fd_filestat_get',
    'wasi_snapshot_preview1.fd_pread',
    'wasi_snapshot_preview1.fd_prestat_dir_name',
    'wasi_snapshot_preview1.fd_prestat_get',
    'wasi_snapshot_preview1.fd_read',
    'wasi_snapshot_preview1.fd_write',
    'wasi_snapshot_preview1.path_open',
    'wasi_snapshot_preview1.proc_exit',
  ]);
});

function opcodes_of(module: binaryen.Module): Set<string> {
  return new Set(Array.from(module.emitText().matchAll(/\(([a-z][a-z0-9_.]+)/g), ([, name]) => name!));
}

test('align.threads.wasm counts with atomics, but never waits: Node 20 hangs in a wait of WebAssembly', () => {
  const opcodes = [...opcodes_of(binaryen.readBinary(read('align.threads.wasm')))];
  expect(opcodes.filter((name) => name.includes('atomic')).sort()).toEqual([
    'i32.atomic.load',
    'i32.atomic.rmw.add',
  ]);
  expect(opcodes.filter((name) => name.includes('relaxed'))).toEqual([]);
});

describe('opcodes of align.wasm', () => {
  const module = binaryen.readBinary(read('align.wasm'));
  const opcodes = opcodes_of(module);

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
