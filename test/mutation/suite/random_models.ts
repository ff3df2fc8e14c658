// The first of the random models of test/host/random_models.long.ts.

import { test } from 'vitest';
import { expect_same_bits_however_run } from '../../support/same_bits.ts';

const MODELS = 12;

test.each(Array.from({ length: MODELS }, (_, seed) => seed))(
  'random model %i: the same bits however it is run',
  expect_same_bits_however_run,
);
