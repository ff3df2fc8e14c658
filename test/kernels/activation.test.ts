// assembly/kernels/activation.ts: results to the bit. Their values are in the table (cases/activation.ts).

import { describe, test } from 'vitest';
import { activation_op } from './cases/activation.ts';
import { ACTIVATION_NAMES } from './cases/case.ts';
import { expect_same_bits } from './support/compare.ts';
import { result_of } from './support/run_op.ts';

describe.each(ACTIVATION_NAMES)('%s', (name) => {
  test('gives every lane and every vector of a row the same bits', async () => {
    const x = Float32Array.of(-3.7, -0.4, 0.3, 2.9);
    const one = await result_of(activation_op(name, x));
    for (const width of [4, 7, 8, 16, 31]) {
      const got = await result_of(activation_op(name, x, width));
      const want = Float32Array.from({ length: 4 * width }, (_, i) => one[Math.floor(i / width)]!);
      expect_same_bits(got, want, `${width} columns`);
    }
  });
});
