// The kernel suite as data: ops, and what is asked of their results whatever computes them.

import { Activation } from '../../../src/host/plan/layout.ts';
import type { Arithmetic } from '../support/bounds.ts';
import { expect_within } from '../support/compare.ts';
import type { ActivationName } from '../support/ops.ts';
import type { OpSpec, Results } from '../support/run_op.ts';

export interface Case {
  /** What the op is of, for messages. */
  readonly name: string;
  readonly op: OpSpec;
  /** Throws where results are not what they should be, up to what the executor's arithmetic may do. */
  readonly check: (got: Results, on: Arithmetic) => void;
}

/**
 * Cases with one title; made when asked for, as they are large together. Where activations take turns, they do among
 * `activations`: on a GPU each would be a pipeline more for every variant of a kernel.
 */
export interface Group {
  readonly title: string;
  readonly cases: (activations?: readonly ActivationName[]) => Case[];
}

export const ACTIVATION_NAMES = Object.keys(Activation) as readonly ActivationName[];

/** `wanted` where it is among them, or the first. */
export function among(activations: readonly ActivationName[], wanted: ActivationName): ActivationName {
  return activations.includes(wanted) ? wanted : activations[0]!;
}

/** What a result should be and how far it may be off. */
export interface Bounded {
  readonly value: Float64Array;
  readonly bound: Float64Array;
}

/** A case of an op with one result. */
export function case_of(name: string, op: OpSpec, want: (on: Arithmetic) => Bounded): Case {
  const check: Case['check'] = (got, on) => {
    const { value, bound } = want(on);
    expect_within(Object.values(got)[0]!, value, bound, name);
  };
  return { name, op, check };
}

/** A copy with `value` at `place`. */
export function poisoned(data: Float32Array, place: number, value: number): Float32Array {
  const copy = data.slice();
  copy[place] = value;
  return copy;
}

/** Bounds that ask for the very number. */
export function exact(value: Float64Array): Bounded {
  return { value, bound: new Float64Array(value.length) };
}
