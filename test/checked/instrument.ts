// The checked build: align.wasm as it is shipped, with a question before every load and store. A second module answers it,
// from a byte of shadow for each byte of memory: 1 may be read, 3 may be read and written, 0 belongs to nobody.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import binaryen from 'binaryen';

const WIDTHS = [1, 2, 4, 8, 16] as const;
const NAMES = ['read', 'write'] as const;

/** Bytes that an instruction moves, by the part of its name behind "load" or "store"; else by its type. */
const BYTES: Readonly<Record<string, number>> = {
  ...{ '8': 1, '8_u': 1, '8_s': 1, '8_lane': 1, '8_splat': 1 },
  ...{ '16': 2, '16_u': 2, '16_s': 2, '16_lane': 2, '16_splat': 2 },
  ...{ '32': 4, '32_u': 4, '32_s': 4, '32_lane': 4, '32_splat': 4, '32_zero': 4 },
  ...{ '64_lane': 8, '64_splat': 8, '64_zero': 8 },
  ...{ '8x8_s': 8, '8x8_u': 8, '16x4_s': 8, '16x4_u': 8, '32x2_s': 8, '32x2_u': 8 },
  ...{ i32: 4, f32: 4, i64: 8, f64: 8, v128: 16 },
};

interface Open {
  /** What to ask before the first operand, once its offset is known. */
  ask: string | null;
  offset: string;
  /** Whether a call was put around it. */
  wrapped: boolean;
}

/** Puts a call around the address of every load and store, and in place of every copy and fill. */
function with_questions(text: string): { text: string; count: number } {
  const out: string[] = [];
  const open: Open[] = [];
  let head = false;
  let count = 0;
  for (const token of text.match(/\(|\)|"(?:[^"\\]|\\.)*"|[^\s()"]+|\s+/g)!) {
    const top = open.at(-1);
    if (token === '(') {
      const ask = top?.ask ?? null;
      if (ask !== null) {
        out.push(`(call $${ask} (i32.const ${top!.offset}) `);
        top!.ask = null;
      }
      open.push({ ask: null, offset: '0', wrapped: ask !== null });
      head = true;
    } else if (token === ')' && open.pop()!.wrapped) {
      out.push(')');
    } else if (head) {
      head = false;
      const access = /^([ifv]\d+)\.(load|store)(\w*)$/.exec(token);
      if (access) {
        const bytes = BYTES[access[3]!] ?? BYTES[access[1]!]!;
        if (access[3] && BYTES[access[3]] === undefined) throw new Error(`${token} moves unknown bytes`);
        open.at(-1)!.ask = `${access[2] === 'load' ? 'read' : 'write'}${bytes}`;
        count++;
      } else if (token === 'memory.copy' || token === 'memory.fill') {
        out.push(`call $${token.replace('memory.', 'checked_')}`);
        count++;
        continue;
      } else if (/atomic|memory\.init/.test(token)) throw new Error(`${token} is not checked`);
    } else if (token.startsWith('offset=') && top) top.offset = token.slice(7);
    out.push(token);
  }
  return { text: out.join(''), count };
}

const imports = [
  ...NAMES.flatMap((name) =>
    WIDTHS.map((n) => `(import "shadow" "${name}${n}" (func $${name}${n} (param i32 i32) (result i32)))`),
  ),
  `(import "shadow" "range" (func $range (param i32 i32 i32)))`,
].join('\n');

const bulk = `
(func $checked_copy (param i32 i32 i32)
  (call $range (local.get 0) (local.get 2) (i32.const 3))
  (call $range (local.get 1) (local.get 2) (i32.const 1))
  (memory.copy (local.get 0) (local.get 1) (local.get 2)))
(func $checked_fill (param i32 i32 i32)
  (call $range (local.get 0) (local.get 2) (i32.const 3))
  (memory.fill (local.get 0) (local.get 1) (local.get 2)))`;

/** Whether all of the shadow's bytes at $p have the bits of `bit`. */
function allowed(bytes: (typeof WIDTHS)[number], bit: number): string {
  const mask = `0x${`0${bit}`.repeat(Math.min(bytes, 8))}`;
  if (bytes === 16) {
    const all = `(v128.const i64x2 ${mask} ${mask})`;
    return `(i8x16.all_true (i8x16.eq (v128.and (v128.load (local.get $p)) ${all}) ${all}))`;
  }
  const type = bytes === 8 ? 'i64' : 'i32';
  const load = bytes < 4 ? `i32.load${bytes * 8}_u` : `${type}.load`;
  const all = `(${type}.const ${mask})`;
  return `(${type}.eq (${type}.and (${load} (local.get $p)) ${all}) ${all})`;
}

const questions = NAMES.flatMap((name) =>
  WIDTHS.map((bytes) => {
    const bit = name === 'read' ? 1 : 3;
    return `(func (export "${name}${bytes}") (param $offset i32) (param $at i32) (result i32) (local $p i32)
  (local.set $p (i32.add (local.get $at) (local.get $offset)))
  (if (global.get $on) (then (if (i32.eqz ${allowed(bytes, bit)})
    (then (call $fail (local.get $p) (i32.const ${bytes}) (i32.const ${bit}))))))
  (local.get $at))`;
  }),
);

const shadow = `(module
(import "host" "fail" (func $fail (param i32 i32 i32)))
(memory (export "memory") 1 65536)
(global $on (export "on") (mut i32) (i32.const 0))
(func (export "range") (param $p i32) (param $bytes i32) (param $bit i32) (local $end i32)
  (local.set $end (i32.add (local.get $p) (local.get $bytes)))
  (if (global.get $on) (then (loop $next (if (i32.lt_u (local.get $p) (local.get $end)) (then
    (if (i32.ne (i32.and (i32.load8_u (local.get $p)) (local.get $bit)) (local.get $bit))
      (then (call $fail (local.get $p) (i32.const 1) (local.get $bit))))
    (local.set $p (i32.add (local.get $p) (i32.const 1)))
    (br $next)))))))
${questions.join('\n')})`;

/** The binary of a module in text, with the features that align.wasm has. */
export function assembled(text: string): Uint8Array {
  const module = binaryen.parseText(text);
  const { SIMD128, BulkMemory, BulkMemoryOpt, MutableGlobals, SignExt, NontrappingFPToInt } =
    binaryen.Features;
  module.setFeatures(SIMD128 | BulkMemory | BulkMemoryOpt | MutableGlobals | SignExt | NontrappingFPToInt);
  try {
    if (!module.validate()) throw new Error('the checked build is not valid');
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

function checked(bytes: Uint8Array): Uint8Array {
  const module = binaryen.readBinary(bytes);
  const { text, count } = with_questions(module.emitText());
  module.dispose();
  if (count < 1000) throw new Error(`only ${count} loads and stores were found`);
  return assembled(`${text.replace('(module', `(module\n${imports}`).replace(/\)\s*$/, '')}${bulk})`);
}

/** The checked build of a module, and the module that answers it. Made once for a module: it takes a second. */
export function checked_build(bytes: Uint8Array): { build: WebAssembly.Module; shadow: WebAssembly.Module } {
  const source = readFileSync(fileURLToPath(import.meta.url));
  const name = createHash('sha256').update(bytes).update(source).digest('hex').slice(0, 20);
  const folder = fileURLToPath(new URL('../../.cache/checked', import.meta.url));
  const path = `${folder}/${name}.wasm`;
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${path}.${process.pid}`, checked(bytes));
    renameSync(`${path}.${process.pid}`, path);
  }
  return {
    build: new WebAssembly.Module(readFileSync(path)),
    shadow: new WebAssembly.Module(assembled(shadow) as Uint8Array<ArrayBuffer>),
  };
}
