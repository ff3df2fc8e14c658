// Splits a call's items into runs that fit the executor, and puts what these give together again.

import type { Executor, Inputs, Outputs, RunOptions } from './executor.ts';
import type { Plan } from './plan/plan.ts';
import { Tensor } from './tensor.ts';

/** How a call runs, beside its inputs. */
export interface TowerOptions extends RunOptions {
  /** Most items in one run. */
  readonly batch_size?: number | undefined;
}

/** A run's activations stay below this where its batch can be split: larger ones leave every cache and gain nothing. */
const USUAL_ARENA = 256 * 2 ** 20;

/** A call's items, to be run in one go or in several. */
export interface Batches {
  readonly total: number;
  /** The plan for items first … first + count − 1, and their inputs. */
  plan(first: number, count: number): Plan;
  inputs(first: number, count: number, plan: Plan): Inputs | Promise<Inputs>;
}

/** A run: a plan and what goes into it. */
export interface Step {
  readonly plan: Plan;
  inputs(): Inputs | Promise<Inputs>;
}

/** Whether a plan for several items is better split. */
function too_large(executor: Executor, plan: Plan): boolean {
  return plan.arena_bytes > USUAL_ARENA || !executor.fits(plan);
}

/** All items in as few runs as fit. */
export async function run_batches(
  executor: Executor,
  batches: Batches,
  options: TowerOptions,
): Promise<Outputs> {
  const { total } = batches;
  const runs: Outputs[] = [];
  let count = Math.min(options.batch_size ?? total, total);
  for (let first = 0; first < total;) {
    count = Math.min(count, total - first);
    const plan = batches.plan(first, count);
    if (count > 1 && too_large(executor, plan)) {
      count = Math.ceil(count / 2);
      continue;
    }
    runs.push(await executor.run(plan, await batches.inputs(first, count, plan), options));
    first += count;
  }
  return runs.length === 1 ? runs[0]! : concatenate(runs);
}

/** The run of all items together, or null where {@link run_batches} would take several. */
export function single_run(executor: Executor, batches: Batches, { batch_size }: TowerOptions): Step | null {
  const { total } = batches;
  if (batch_size !== undefined && batch_size < total) return null;
  const plan = batches.plan(0, total);
  return too_large(executor, plan) ? null : { plan, inputs: () => batches.inputs(0, total, plan) };
}

/** Joins the outputs of several runs along their first dimension. */
function concatenate(runs: readonly Outputs[]): Outputs {
  const names = Array.from(runs[0]!.keys());
  return new Map(
    names.map((name) => {
      const parts = runs.map((run) => run.get(name)!);
      const data = new Float32Array(sum(parts.map((part) => part.size)));
      let at = 0;
      for (const part of parts) {
        data.set(part.data, at);
        at += part.size;
      }
      return [
        name,
        new Tensor('float32', data, [sum(parts.map((part) => part.dims[0]!)), ...parts[0]!.dims.slice(1)]),
      ];
    }),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
