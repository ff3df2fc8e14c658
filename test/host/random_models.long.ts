// Random small models: whatever the sizes, a result's bits do not depend on how it was computed. 1,000 configs, seeded.

import { test } from 'vitest';
import { expect_same_bits_however_run } from '../support/same_bits.ts';

const MODELS = 1000;

test.each(Array.from({ length: MODELS }, (_, seed) => seed))(
  'random model %i: the same bits however it is run',
  expect_same_bits_however_run,
);
