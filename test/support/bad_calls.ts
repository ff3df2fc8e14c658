// Inputs in short, and the failure that a bad one must end in.

import { expect } from 'vitest';
import { AlignError, type AlignErrorCode } from '../../src/host/errors.ts';
import { Tensor } from '../../src/host/tensor.ts';

/** Runs `task`, which must fail with `code` and a message that holds every one of `words`. */
export async function refused(
  code: AlignErrorCode,
  words: readonly string[],
  task: () => unknown,
): Promise<AlignError> {
  const error = await Promise.resolve()
    .then(task)
    .then(
      () => null,
      (reason: unknown) => reason,
    );
  expect(error).toBeInstanceOf(AlignError);
  expect(error).toMatchObject({ code });
  for (const word of words) expect((error as AlignError).message).toContain(word);
  return error as AlignError;
}

export const ids = (rows: number[][]): Tensor =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);

export const pixels = (batch: number, height: number, width: number, channels = 3): Tensor => {
  const size = batch * channels * height * width;
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, (_, i) => ((i * 37) % 101) / 50 - 1),
    [batch, channels, height, width],
  );
};

export const floats = (...dims: number[]): Tensor =>
  new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);
