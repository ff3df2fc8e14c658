// What the properties of kernels share: the checked build, operands of any bits, and a run in parts.

import type { Arbitrary } from 'fast-check';
import { install_checked_build } from '../checked/checked.ts';
import { ACTIVATION_NAMES } from '../kernels/cases/case.ts';
import { expect_same_bits } from '../kernels/support/compare.ts';
import type { ActivationName } from '../kernels/support/ops.ts';
import { Random } from '../kernels/support/random.ts';
import { run_parts, test_instance, type OpSpec, type Results } from '../kernels/support/run_op.ts';
import { pick, whole } from './draws.ts';

install_checked_build();
export const instance = await test_instance();

export const activation: Arbitrary<ActivationName> = pick(...ACTIVATION_NAMES);
export const parts: Arbitrary<number> = whole(2, 16);
/** The exponent of a power of two that a product may be scaled by without a bit lost. */
export const exponent: Arbitrary<number> = whole(-30, 30);

/** Numbers of a seed; wild ones have any bits: infinities, NaN, numbers that overflow and that are not normal. */
export class Numbers extends Random {
  readonly #wild: boolean;

  constructor(seed: number, wild = false) {
    super(seed);
    this.#wild = wild;
  }

  list(count: number): Float32Array {
    if (!this.#wild) return this.floats(count, -2, 2);
    const bits = Uint32Array.from({ length: count }, () => Math.floor(this.next() * 2 ** 32));
    return new Float32Array(bits.buffer);
  }
}

/** Results of the op in `count` parts: on the checked build, behind guard bands, every number written and every pad lane 0. */
export function run(op: OpSpec, count = 1): Results {
  return run_parts(instance, op, count);
}

/** The op's one result. */
export function result(op: OpSpec): Float32Array {
  return Object.values(run(op))[0]!;
}

/** The op gives the same bits in `count` parts as in one. */
export function same_in_parts(op: OpSpec, count: number): void {
  const one = run(op);
  for (const [name, values] of Object.entries(run(op, count)))
    expect_same_bits(values, one[name]!, `${name} in ${count} parts`);
}

/** Every number times 2^exponent: exact. */
export function scaled(data: Float32Array, exponent: number): Float32Array {
  return data.map((v) => v * 2 ** exponent);
}
