// assembly/kernels/embedding.ts and gather.ts: exact to the bit.

import { describe, test } from 'vitest';
import { expect_same_bits } from './support/compare.ts';
import { embedding_op, gather_op } from './support/ops.ts';
import * as oracle from './support/oracle.ts';
import { Random } from './support/random.ts';
import { result_of } from './support/run_op.ts';

describe.each([1, 2, 3, 5, 7, 15, 16, 17, 33])('With rows of %i', (width) => {
  const random = new Random(width);

  test('Embedding copies rows, or adds them', async () => {
    const table = random.floats(11 * width);
    for (const tokens of [1, 2, 7, 18])
      for (const sum of [undefined, random.floats(tokens * width)]) {
        const args = { rows: 11, width, table, ids: random.integers(tokens, 11), ...(sum && { sum }) };
        const want = Float32Array.from(oracle.embedding(args));
        expect_same_bits(await result_of(embedding_op(args)), want, `${tokens} tokens`);
      }
  });

  test('Embedding of a piece of a table gives zeros for rows of other pieces, or adds nothing', async () => {
    const table = random.floats(5 * width);
    const ids = Int32Array.of(0, 3, 4, 6, 8, 9, 200);
    for (const sum of [undefined, random.floats(ids.length * width)]) {
      const args = { rows: 5, first: 4, width, table, ids, ...(sum && { sum }) };
      const want = Float32Array.from(oracle.embedding(args));
      expect_same_bits(await result_of(embedding_op(args)), want, sum ? 'added' : 'alone');
    }
  });

  test('Gather picks rows in any order, and one twice', async () => {
    const x = random.floats(9 * width);
    for (const list of [[0], [8, 0, 3], [5, 5, 1, 7, 2, 0]]) {
      const want = Float32Array.from(list.flatMap((row) => [...x.slice(row * width, (row + 1) * width)]));
      const rows = Int32Array.from(list);
      expect_same_bits(await result_of(gather_op({ width, x, rows })), want, `rows ${list.join()}`);
    }
  });
});
