// The most that this machine's one core can do in this engine: chains of multiply and add that never leave registers.

import asc from 'assemblyscript/asc';

const CHAINS = 12; // enough to hide the latency of a multiply and an add, few enough to stay in 16 registers
const STEPS = 2_000_000;
const FLOP = CHAINS * 4 * 2 * STEPS;

/** AssemblyScript source: every chain is x = x · a + b, four lanes. */
function source() {
  const each = (line) => Array.from({ length: CHAINS }, (_, i) => line.replaceAll('#', i)).join('\n');
  return `export function run(steps: i32): f32 {
    const a = f32x4.splat(0.999), b = f32x4.splat(0.001);
    ${each('let x# = f32x4.splat(#);')}
    for (let i = 0; i < steps; i++) {
      ${each('x# = f32x4.add(f32x4.mul(x#, a), b);')}
    }
    let sum = f32x4.splat(0);
    ${each('sum = f32x4.add(sum, x#);')}
    return f32x4.extract_lane(sum, 0);
  }`;
}

/** GFLOP/s of the best of several runs. */
export async function measure_ceiling() {
  let binary;
  const { error, stderr } = await asc.main(
    [
      'ceiling.ts',
      '--outFile',
      'ceiling.wasm',
      '-O1', // the loop that -O2 makes runs at a third of the speed in Node 26
      '--runtime',
      'stub',
      '--use',
      'abort=',
      '--enable',
      'simd',
    ],
    {
      readFile: (name) => (name === 'ceiling.ts' ? source() : null),
      writeFile: (_, data) => void (binary = data),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`the ceiling did not compile: ${stderr}`, { cause: error });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(binary)).exports;
  let best = Infinity;
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    run(STEPS);
    best = Math.min(best, performance.now() - start);
  }
  return FLOP / best / 1e6;
}
