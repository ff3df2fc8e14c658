// align-wasm bench: how long a model's towers take on this machine, and with --ops where the time goes.

import { WEIGHT_DTYPES } from '../checkpoint/formats.ts';
import type { Executor, Inputs } from '../executor.ts';
import type { AlignModel } from '../models.ts';
import { describe, plan_macs } from '../plan/describe.ts';
import type { LoadOptions } from '../options.ts';
import type { Plan } from '../plan/plan.ts';
import { choice, device_of, parse_words, RUNNING } from './args.ts';
import { OK, UsageError, type Io } from './io.ts';
import { load } from './load.ts';
import { styled, table } from './text.ts';

export const HELP = `align-wasm bench [MODEL] [options]

Runs each tower again and again on this machine and prints its best and median time, and the arithmetic done a second.

  MODEL                 a model's folder or packed file (default: the embedded icon model)
  --tower PART          text or vision alone
  --batch N             texts or pictures at once (default 1)
  --height N --width N  size of the pictures (default: the configuration's image_size)
  --tokens N            tokens of a text (default 64, or as many as the model has positions)
  --rounds N            how often (default 7, after two runs that do not count)
  --threads N           threads (default 1)
  --dtype KIND          how weights are held: fp32 (default), fp16, bf16, q8 or q4; a packed file has its own
  --device KIND         wasm, webgpu or auto (default: a real GPU where there is one)
  --precision KIND      exact (default), or fast: relaxed SIMD where this runtime has it
  --ops                 time by kernel, on one thread or the GPU
  --json                one JSON object a tower, with its kernels
`;

/** Runs that let the engine compile. */
const WARM_UP = 2;

interface Row {
  readonly kernel: string;
  ops: number;
  macs: number;
  ms: number;
}

/** Runs the command; gives its exit status. */
export async function bench(argv: readonly string[], io: Io): Promise<number> {
  const words = parse_words(argv, {
    ...RUNNING,
    tower: { type: 'string' },
    batch: { type: 'string' },
    height: { type: 'string' },
    width: { type: 'string' },
    tokens: { type: 'string' },
    rounds: { type: 'string' },
    threads: { type: 'string' },
    dtype: { type: 'string' },
    precision: { type: 'string' },
    ops: { type: 'boolean' },
  });
  const tower = choice(words, 'tower', ['text', 'vision']);
  const precision = choice(words, 'precision', ['exact', 'fast']);
  const dtype = choice(words, 'dtype', WEIGHT_DTYPES);
  const device = device_of(words);
  const threads = words.count('threads');
  const rounds = words.count('rounds') ?? 7;
  const [positional, ...rest] = words.positionals;
  const named = words.text('model');
  if (rest.length > 0 || (positional !== undefined && named !== undefined))
    throw new UsageError('bench takes one MODEL');

  const how: LoadOptions = { device, precision, dtype, threads, towers: tower ?? 'both' };
  const { align, ms } = await load(positional ?? named, io, how);
  const { model } = align;
  const batch = words.count('batch') ?? 1;
  const positions = model.config.text_config.max_position_embeddings;
  const tokens = words.count('tokens') ?? Math.min(64, positions);
  if (tokens > positions) throw new UsageError(`--tokens ${tokens}: the model has ${positions} positions`);
  const [height, width] = [words.count('height'), words.count('width')];
  const json = words.flag('json');
  const by_kernel = json || words.flag('ops');
  if (!json) {
    const used =
      model.device === 'webgpu' ? 'WebGPU' : model.threads === 1 ? 'one thread' : `${model.threads} threads`;
    const what = `loaded in ${ms.toFixed(0)} ms, ${model.dtype}, ${model.precision}, ${used}`;
    io.out(`${styled(io, 'dim', what)}\n`);
  }
  for (const name of tower ? [tower] : (['text', 'vision'] as const)) {
    const plan = model.plan(name, { batch, tokens, ...(height && { height }), ...(width && { width }) });
    const inputs = make_inputs(plan, batch, tokens);
    const result = { tower: name, ...(await measure(model, plan, inputs, rounds, by_kernel)) };
    if (json) io.out(`${JSON.stringify(result)}\n`);
    else print(io, result);
    if (io.signal.aborted) break;
  }
  align.dispose();
  io.signal.throwIfAborted();
  return OK;
}

interface Result {
  readonly tower: string;
  readonly best_ms: number;
  readonly median_ms: number;
  readonly gflops: number;
  /** Time by kernel on one thread, of the best round; empty where it was not asked for. */
  readonly rows: readonly Row[];
}

/** On one thread the kernels' times add up to the run's; several threads and a GPU are timed as a whole, and the kernels apart from them. */
async function measure(
  model: AlignModel,
  plan: Plan,
  inputs: Inputs,
  rounds: number,
  by_kernel: boolean,
): Promise<Omit<Result, 'tower'>> {
  const { executor } = model.runtime;
  const alone = model.device === 'wasm' && model.threads === 1;
  const runs: number[][] = [];
  if (alone || by_kernel)
    for (let round = 0; round < WARM_UP + rounds; round++) runs.push(await executor.profile(plan, inputs));
  runs.splice(0, WARM_UP);
  const totals = alone ? runs.map(sum) : await time_runs(executor, plan, inputs, rounds);
  totals.sort((a, b) => a - b);
  const best_ms = totals[0]!;
  return {
    best_ms,
    median_ms: totals[totals.length >> 1]!,
    gflops: gflops_of(plan_macs(plan), best_ms),
    rows: by_kernel ? kernels(plan, runs) : [],
  };
}

async function time_runs(executor: Executor, plan: Plan, inputs: Inputs, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < WARM_UP + rounds; round++) {
    const start = performance.now();
    await executor.run(plan, inputs);
    times.push(performance.now() - start);
  }
  return times.slice(WARM_UP);
}

/** The best of several runs op by op, summed up by kernel, the costliest first. */
function kernels(plan: Plan, runs: readonly (readonly number[])[]): Row[] {
  const times = runs.reduce((best, run) => (sum(run) < sum(best) ? run : best));
  const rows = new Map<string, Row>();
  for (const [i, op] of describe(plan).entries()) {
    const row = rows.get(op.kind) ?? { kernel: op.kind, ops: 0, macs: 0, ms: 0 };
    row.ops++;
    row.macs += op.macs;
    row.ms += times[i]!;
    rows.set(op.kind, row);
  }
  return [...rows.values()].sort((a, b) => b.ms - a.ms);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function make_inputs(plan: Plan, batch: number, tokens: number): Inputs {
  return Object.fromEntries(Array.from(plan.inputs.values(), (t) => [t.name, input(t, batch, tokens)]));
}

/** Sequences of full length with ids 0, or pictures that are no constant: zeros would be denormals somewhere. */
function input(
  t: { name: string; n: number; h: number; w: number; c: number },
  batch: number,
  tokens: number,
): Float32Array | Int32Array {
  if (t.name === 'pixel_values')
    return Float32Array.from({ length: t.n * t.h * t.w * t.c }, (_, i) => ((i * 37) % 101) / 50.5 - 1);
  if (t.name === 'starts') return Int32Array.from({ length: batch + 1 }, (_, i) => i * tokens);
  const values = new Int32Array(t.c);
  if (t.name === 'attention_mask') values.fill(1, 0, batch * tokens);
  return values;
}

function print(io: Io, { tower, best_ms, median_ms, gflops, rows }: Result): void {
  io.out(
    `${styled(io, 'bold', tower)}  best ${best_ms.toFixed(1)} ms, median ${median_ms.toFixed(1)} ms, ${gflops.toFixed(1)} GFLOP/s\n`,
  );
  const total = sum(rows.map(({ ms }) => ms));
  const lines = rows.map(({ kernel, ops: count, macs, ms }) => [
    `  ${kernel}`,
    `${count}`,
    `${ms.toFixed(2)} ms`,
    `${((100 * ms) / total).toFixed(1)} %`,
    macs === 0 ? '' : `${gflops_of(macs, ms).toFixed(1)} GFLOP/s`,
  ]);
  for (const line of table(lines, ['left', 'right', 'right', 'right', 'right'])) io.out(`${line}\n`);
}

/** A multiply-accumulate is two operations. */
function gflops_of(macs: number, ms: number): number {
  return (2e-6 * macs) / ms;
}
