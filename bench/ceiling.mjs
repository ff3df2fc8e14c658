// The most that one core can do in this engine with 128 bits, and what its memory gives: the limits of every op.
//
// Chains of multiply and add that stay in registers reach the hardware's limit where the compiler keeps all of them
// there and there are enough to hide an add's latency. Which form does depends on the engine, so the best of several
// counts: with ten chains Node 26 reaches two multiplies and two adds a cycle, 16 FLOP, as SSE from gcc does; Node 20
// gets furthest with four steps a loop. The fused form is quickest as x · a + b.

import { readFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';
import { summary } from './measure.mjs';

const times = (count, line) => Array.from({ length: count }, (_, i) => line(i)).join('\n');
const separate = { madd: (a, b, c) => `f32x4.add(${c}, f32x4.mul(${a}, ${b}))`, flags: ['--enable', 'simd'] };
const fused = {
  madd: (a, b, c) => `f32x4.relaxed_madd(${a}, ${b}, ${c})`,
  flags: ['--enable', 'simd', '--enable', 'relaxed-simd'],
};

/** `chains` sums of products c = a · b + c, `steps` of each in the loop. An a from memory cannot be hoisted out of it. */
const sums = (chains, steps) => ({
  flop: 8 * chains * steps,
  source: (madd) => `const AT: usize = memory.data(2048, 16);
    export function run(loops: i32): f32 {
      const b0 = f32x4.splat(0.5), b1 = f32x4.splat(0.25);
      ${times(chains, (i) => `let c${i} = f32x4.splat(${i});`)}
      for (let i = 0; i < loops; i++) {
        const at = AT + ((i & 63) << 4);
        ${times(steps, () => `{ const a = v128.load(at); ${times(chains, (i) => `c${i} = ${madd('a', `b${i & 1}`, `c${i}`)};`)} }`)}
      }
      ${times(chains - 1, (i) => `c0 = f32x4.add(c0, c${i + 1});`)}
      return f32x4.extract_lane(c0, 0);
    }`,
});

/** `chains` polynomials x = x · a + b. */
const polynomials = (chains, steps) => ({
  flop: 8 * chains * steps,
  source: (madd) => `export function run(loops: i32): f32 {
      const a = f32x4.splat(0.999), b = f32x4.splat(0.001);
      ${times(chains, (i) => `let x${i} = f32x4.splat(${i});`)}
      for (let i = 0; i < loops; i++) { ${times(steps, () => times(chains, (i) => `x${i} = ${madd(`x${i}`, 'a', 'b')};`))} }
      ${times(chains - 1, (i) => `x0 = f32x4.add(x0, x${i + 1});`)}
      return f32x4.extract_lane(x0, 0);
    }`,
});

/** The package's own GEMM tile on two rows of 256 and a panel of 16 columns, all in the nearest cache. */
const tile = {
  flop: 64 * 256,
  optimise: '-O2', // as the package is built
  source: () => `import { tile2 } from './assembly/kernels/tile';
    const A: usize = memory.data(2048, 64), B: usize = memory.data(16448, 64), C: usize = memory.data(128, 64);
    export function run(loops: i32): f32 {
      for (let i = 0; i < loops; i++) tile2(A, A + 1024, B, 256, C, C + 64, 4);
      return f32.load(C);
    }`,
};

/** Reads `bytes` again and again: what a stream of weights or activations gets, in GB/s. */
const stream = (bytes) => ({
  flop: bytes, // counted in place of operations
  source: () => `export function run(loops: i32): f32 {
      const end: usize = 1024 + ${bytes};
      if (memory.size() < ${(bytes >> 16) + 2}) {
        memory.grow(${(bytes >> 16) + 2});
        memory.fill(1024, 1, ${bytes}); // pages never written are all one page
      }
      ${times(4, (i) => `let s${i} = f32x4.splat(0);`)}
      for (let i = 0; i < loops; i++)
        for (let at: usize = 1024; at < end; at += 64) { ${times(4, (i) => `s${i} = v128.or(s${i}, v128.load(at, ${16 * i}));`)} }
      return f32x4.extract_lane(v128.or(v128.or(s0, s1), v128.or(s2, s3)), 0);
    }`,
});

async function compile({ source, optimise = '-O1' }, { madd, flags }) {
  let binary;
  // -O1 for chains: the loops that -O2 makes of them run at a fifth of the speed in Node 26.
  const options = [
    optimise,
    '--runtime',
    'stub',
    '--noAssert',
    '--uncheckedBehavior',
    'always',
    '--use',
    'abort=',
  ];
  const { error, stderr } = await asc.main(
    ['ceiling.ts', '--outFile', 'ceiling.wasm', ...options, ...flags],
    {
      readFile: (name) => (name === 'ceiling.ts' ? source(madd) : read_own(name)),
      writeFile: (_, data) => void (binary = data),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`the ceiling did not compile: ${stderr}`, { cause: error });
  return binary;
}

/** A file of the package's sources, or null where the compiler looks in the wrong place; asconfig.json is not for this. */
async function read_own(name) {
  if (!name.startsWith('assembly/')) return null;
  return readFile(new URL(`../${name}`, import.meta.url), 'utf8').catch(() => null);
}

/** Ms that one measurement takes about. */
const SLICE = 20;

/** The best of several runs, in 10⁹ units a second; NaN where this engine does not know the instructions. */
async function best(form, kind) {
  const binary = await compile(form, kind);
  if (!WebAssembly.validate(binary)) return NaN;
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(binary)).exports;
  const loops = Math.max(1, Math.round((SLICE * 40e6) / form.flop));
  const rounds = Array.from({ length: 12 }, () => {
    const start = performance.now();
    run(loops);
    return performance.now() - start;
  });
  return (form.flop * loops) / summary(rounds).best / 1e6;
}

async function limits(kind) {
  const forms = [sums(10, 1), sums(10, 4), polynomials(12, 2)];
  const chains = [];
  for (const form of forms) chains.push(await best(form, kind));
  return { chain: Math.max(...chains), tile: await best(tile, kind) };
}

/**
 * What this engine reaches on one core.
 * @returns `exact` (separate multiply and add) and `fast` (fused; NaN without relaxed SIMD), each { chain, tile } in
 *   GFLOP/s: chains in registers, and the GEMM tile with its loads from the nearest cache; `memory` and `cache`: GB/s of
 *   reading 256 MiB and 256 KiB
 */
export async function measure_ceiling() {
  return {
    engine: process.version,
    exact: await limits(separate),
    fast: await limits(fused),
    memory: await best(stream(2 ** 28), separate),
    cache: await best(stream(2 ** 18), separate),
  };
}
