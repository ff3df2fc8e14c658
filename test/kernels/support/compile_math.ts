// assembly/simd/math.ts as a module of its own, compiled in memory with the flags of asconfig.json.

import { readFileSync } from 'node:fs';
import { main } from 'assemblyscript/asc';

export const MATH_NAMES = ['exp', 'sigmoid', 'silu', 'erf', 'tanh', 'softplus'] as const;
export type MathName = (typeof MATH_NAMES)[number];

const root = new URL('../../../', import.meta.url);
const ENTRY = 'math_entry.ts';

const source = [
  `import { ${MATH_NAMES.join(', ')} } from './assembly/simd/math';`,
  ...MATH_NAMES.map(
    (name) =>
      `export function ${name}_of(p: usize, end: usize): void { for (; p < end; p += 16) v128.store(p, ${name}(v128.load(p))); }`,
  ),
].join('\n');

/** Applies a function of math.ts to any number of floats. */
export type Apply = (name: MathName, x: Float32Array) => Float32Array;

export async function compile_math(): Promise<Apply> {
  let binary: Uint8Array | undefined;
  const { error } = await main([ENTRY, '--target', 'release', '--outFile', 'math.wasm'], {
    readFile: (name) => {
      if (name === ENTRY) return source;
      try {
        return readFileSync(new URL(name, root), 'utf8');
      } catch {
        return null;
      }
    },
    writeFile: (name, contents) => {
      if (name === 'math.wasm') binary = contents as unknown as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) throw new Error(`asc failed: ${String(error)}`);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary as Uint8Array<ArrayBuffer>));
  const memory = exports.memory as WebAssembly.Memory;
  const at = 65536; // behind the tables
  return (name, x) => {
    const bytes = Math.ceil(x.length / 4) * 16;
    if (memory.buffer.byteLength < at + bytes)
      memory.grow(Math.ceil((at + bytes - memory.buffer.byteLength) / 65536));
    new Float32Array(memory.buffer, at, x.length).set(x);
    (exports[`${name}_of`] as (p: number, end: number) => void)(at, at + bytes);
    return new Float32Array(memory.buffer, at, x.length).slice();
  };
}
