// Vectors of length 1: what an index takes in and is asked for.

import { AlignError, show } from '../errors.ts';

/** A vector whose squares sum up to 1 ± this counts as one of length 1. */
const UNIT = 2 ** -20;

/** Whether a vector with this sum of squares has length 1. */
export function is_unit(squares: number): boolean {
  return Math.abs(squares - 1) <= UNIT;
}

/**
 * A vector brought to length 1: divided by the root of the sum of its squares, in f64 and in order, then rounded. One that
 * has length 1 already, within what rounding leaves, keeps its bits.
 * `what` names it. @throws AlignError `invalid_argument` unless it is a Float32Array of `dimensions` finite numbers, not all zero
 */
export function checked_unit(what: () => string, given: unknown, dimensions: number): Float32Array {
  if (!(given instanceof Float32Array))
    throw new AlignError('invalid_argument', `${what()} must be a Float32Array, not ${show(given)}`);
  if (given.length !== dimensions)
    throw new AlignError(
      'invalid_argument',
      `${what()} has ${given.length} values, the index has ${dimensions} dimensions`,
    );
  let squares = 0;
  for (let i = 0; i < dimensions; i++) squares += given[i]! * given[i]!;
  if (is_unit(squares)) return given;
  if (squares > 0 && squares < Infinity) {
    const length = Math.sqrt(squares);
    const unit = new Float32Array(dimensions);
    for (let i = 0; i < dimensions; i++) unit[i] = given[i]! / length;
    return unit;
  }
  const culprit = given.findIndex((value) => !Number.isFinite(value));
  throw new AlignError(
    'invalid_argument',
    culprit < 0
      ? `${what()} is all zeros, so it has no direction`
      : `${what()} is not finite: value ${culprit} is ${show(given[culprit])}`,
  );
}
