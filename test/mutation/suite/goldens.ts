// The goldens as test/golden/golden.test.ts has them, without a GPU.

import { describe_goldens, WASM } from '../../golden/goldens.ts';

describe_goldens(WASM);
